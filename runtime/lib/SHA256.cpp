//===- SHA256.cpp - The digest of a kernel key ----------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// FIPS 180-4, section 6.2. Every kernel that is read from disk goes through
// here: with the processor's own instructions where it has them.
//===----------------------------------------------------------------------===//
#include "stepwell/cache.h"

#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace {
constexpr uint32_t roundConstants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

using State = uint32_t[8];

void addBlock(State &state, const uint8_t *block) {
  uint32_t w[64];
  for (int i = 0; i < 16; ++i)
    w[i] = uint32_t(block[4 * i]) << 24 | uint32_t(block[4 * i + 1]) << 16 |
           uint32_t(block[4 * i + 2]) << 8 | block[4 * i + 3];
  for (int i = 16; i < 64; ++i) {
    uint32_t s0 =
        std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ w[i - 15] >> 3;
    uint32_t s1 =
        std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  uint32_t v[8];
  std::memcpy(v, state, sizeof v);
  for (int i = 0; i < 64; ++i) {
    uint32_t s1 =
        std::rotr(v[4], 6) ^ std::rotr(v[4], 11) ^ std::rotr(v[4], 25);
    uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
    uint32_t t1 = v[7] + s1 + choice + roundConstants[i] + w[i];
    uint32_t s0 =
        std::rotr(v[0], 2) ^ std::rotr(v[0], 13) ^ std::rotr(v[0], 22);
    uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
    std::memmove(v + 1, v, 7 * sizeof *v);
    v[4] += t1;
    v[0] = t1 + s0 + majority;
  }
  for (int i = 0; i < 8; ++i)
    state[i] += v[i];
}

void addBlocks(State &state, const uint8_t *data, size_t blocks) {
  for (; blocks; --blocks, data += 64)
    addBlock(state, data);
}

#if defined(__x86_64__)
/// The instructions want the words in the order ABEF and CDGH, and take two
/// rounds at a time.
__attribute__((target("sha,sse4.1"))) void
addBlocksInHardware(State &state, const uint8_t *data, size_t blocks) {
  const __m128i bigEndian =
      _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  auto *words = reinterpret_cast<__m128i *>(state);
  __m128i dcba = _mm_shuffle_epi32(_mm_loadu_si128(words), 0xB1);
  __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128(words + 1), 0x1B);
  __m128i abef = _mm_alignr_epi8(dcba, hgfe, 8);
  __m128i cdgh = _mm_blend_epi16(hgfe, dcba, 0xF0);
  for (; blocks; --blocks, data += 64) {
    __m128i oldAbef = abef, oldCdgh = cdgh;
    __m128i w[4];
    for (int i = 0; i < 4; ++i)
      w[i] = _mm_shuffle_epi8(
          _mm_loadu_si128(reinterpret_cast<const __m128i *>(data) + i),
          bigEndian);
    for (int i = 0; i < 16; ++i) {
      __m128i &now = w[i % 4];
      if (i >= 4) {
        const __m128i &last = w[(i + 3) % 4];
        now = _mm_add_epi32(_mm_sha256msg1_epu32(now, w[(i + 1) % 4]),
                            _mm_alignr_epi8(last, w[(i + 2) % 4], 4));
        now = _mm_sha256msg2_epu32(now, last);
      }
      __m128i sum = _mm_add_epi32(
          now, _mm_loadu_si128(
                   reinterpret_cast<const __m128i *>(roundConstants) + i));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));
    }
    abef = _mm_add_epi32(abef, oldAbef);
    cdgh = _mm_add_epi32(cdgh, oldCdgh);
  }
  __m128i feba = _mm_shuffle_epi32(abef, 0x1B);
  __m128i dchg = _mm_shuffle_epi32(cdgh, 0xB1);
  _mm_storeu_si128(words, _mm_blend_epi16(feba, dchg, 0xF0));
  _mm_storeu_si128(words + 1, _mm_alignr_epi8(dchg, feba, 8));
}

bool hasInstructions() {
  unsigned eax, ebx, ecx, edx;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ebx & 1 << 29);
}
#endif

using AddBlocks = void (*)(State &, const uint8_t *, size_t);

AddBlocks fastest() {
#if defined(__x86_64__)
  static const bool has = hasInstructions();
  if (has)
    return addBlocksInHardware;
#endif
  return addBlocks;
}

/// Of whole blocks and then of what follows them.
stepwell_digest digestOf(AddBlocks add, const void *first, size_t firstSize,
                         const void *second, size_t size) {
  State state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  add(state, static_cast<const uint8_t *>(first), firstSize / 64);
  const auto *data = static_cast<const uint8_t *>(second);
  add(state, data, size / 64);

  uint8_t tail[128] = {};
  size_t left = size % 64;
  if (left)
    std::memcpy(tail, data + (size - left), left);
  tail[left] = 0x80;
  size_t tailSize = left < 56 ? 64 : 128;
  for (int i = 0; i < 8; ++i)
    tail[tailSize - 1 - i] = uint8_t(uint64_t(firstSize + size) * 8 >> (8 * i));
  add(state, tail, tailSize / 64);

  stepwell_digest digest;
  for (int i = 0; i < 32; ++i)
    digest.bytes[i] = uint8_t(state[i / 4] >> (24 - 8 * (i % 4)));
  return digest;
}
} // namespace

stepwell_digest stepwell_sha256(const void *bytes, size_t size) {
  return digestOf(fastest(), nullptr, 0, bytes, size);
}

stepwell_digest stepwell_sha256_two(const void *first, size_t firstSize,
                                    const void *second, size_t secondSize) {
  return digestOf(fastest(), first, firstSize, second, secondSize);
}

stepwell_digest stepwell_sha256_portable(const void *bytes, size_t size) {
  return digestOf(addBlocks, nullptr, 0, bytes, size);
}
