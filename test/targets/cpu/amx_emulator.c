/*===- amx_emulator.c - Tile registers where there are none -----------------===
 *
 * Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A handler of SIGILL that does what LDTILECFG, TILERELEASE, TILEZERO,
 * TILELOADD, TILESTORED and TDPBF16PS do, as Intel's manual spells it out, for
 * code that a processor without AMX stumbles over. Anything else stays illegal,
 * and so does what the processor would refuse: tiles that were not configured,
 * tiles whose sizes do not fit together.
 *===------------------------------------------------------------------------===*/
#define _GNU_SOURCE
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { Tiles = 8, MostRows = 16, MostBytes = 64 };

static __thread struct {
  int configured;
  uint16_t bytes[Tiles]; /* in a row */
  uint8_t rows[Tiles];
  uint8_t data[Tiles][MostRows][MostBytes];
} state;

static int64_t counts[5];
enum { Configured, Loaded, Stored, Zeroed, Multiplied };

static int loadConfiguration(const uint8_t *from) {
  memset(&state, 0, sizeof state);
  if (from[0] != 1 || from[1] != 0) /* the palette; a row to start again with */
    return 0;
  for (int i = 2; i < 16; ++i)
    if (from[i])
      return 0;
  for (int i = 0; i < Tiles; ++i) {
    memcpy(&state.bytes[i], from + 16 + 2 * i, 2);
    state.rows[i] = from[48 + i];
    if (state.bytes[i] > MostBytes || state.rows[i] > MostRows ||
        !state.bytes[i] != !state.rows[i])
      return 0;
  }
  state.configured = 1;
  ++counts[Configured];
  return 1;
}

static int usable(int tile) {
  return state.configured && tile < Tiles && state.rows[tile];
}

static float flushed(float x) {
  return fpclassify(x) == FP_SUBNORMAL ? copysignf(0, x) : x;
}

static float widened(uint16_t half) {
  uint32_t bits = (uint32_t)half << 16;
  float x;
  memcpy(&x, &bits, 4);
  return flushed(x);
}

/* sums[m][n] += a[m][2k] * b[k][2n] + a[m][2k + 1] * b[k][2n + 1], the even and
 * the odd products summed up apart. */
static int multiply(int sums, int a, int b) {
  if (!usable(sums) || !usable(a) || !usable(b) || sums == a || sums == b ||
      a == b || state.rows[sums] != state.rows[a] ||
      state.bytes[sums] != state.bytes[b] ||
      state.bytes[a] != 4 * state.rows[b] || state.bytes[a] % 4 ||
      state.bytes[b] % 4)
    return 0;
  for (int m = 0; m < state.rows[sums]; ++m)
    for (int n = 0; n < state.bytes[sums] / 4; ++n) {
      float apart[2] = {0, 0}, sum;
      for (int k = 0; k < state.bytes[a] / 4; ++k)
        for (int odd = 0; odd < 2; ++odd) {
          uint16_t x, y;
          memcpy(&x, &state.data[a][m][4 * k + 2 * odd], 2);
          memcpy(&y, &state.data[b][k][4 * n + 2 * odd], 2);
          apart[odd] = flushed(fmaf(widened(x), widened(y), apart[odd]));
        }
      memcpy(&sum, &state.data[sums][m][4 * n], 4);
      sum = flushed(flushed(sum) + flushed(apart[0] + apart[1]));
      memcpy(&state.data[sums][m][4 * n], &sum, 4);
    }
  memset(state.data[sums][state.rows[sums]], 0,
         (MostRows - state.rows[sums]) * MostBytes);
  ++counts[Multiplied];
  return 1;
}

static void move(int tile, uint8_t *base, int64_t stride, int stores) {
  for (int r = 0; r < state.rows[tile]; ++r) {
    uint8_t *row = base + r * stride;
    if (stores)
      memcpy(row, state.data[tile][r], state.bytes[tile]);
    else
      memcpy(state.data[tile][r], row, state.bytes[tile]);
  }
  if (!stores)
    for (int r = 0; r < MostRows; ++r)
      memset(state.data[tile][r] +
                 (r < state.rows[tile] ? state.bytes[tile] : 0),
             0, MostBytes - (r < state.rows[tile] ? state.bytes[tile] : 0));
  ++counts[stores ? Stored : Loaded];
}

/* A general register by its number in the encoding. */
static int64_t valueOf(const ucontext_t *context, int number) {
  static const int places[16] = {
      REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
      REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  return context->uc_mcontext.gregs[places[number]];
}

/* Does the instruction at `at`; its length, or 0. */
static int execute(const ucontext_t *context, const uint8_t *at) {
  /* VEX: C4, inverted R X B and the map, W, inverted vvvv, L, pp. */
  if (at[0] != 0xC4 || (at[1] & 31) != 2 || (at[2] & 0x84))
    return 0;
  int highX = !(at[1] & 0x40) * 8, highB = !(at[1] & 0x20) * 8;
  int other = ~at[2] >> 3 & 15, prefix = at[2] & 3, opcode = at[3];
  int mode = at[4] >> 6, tile = at[4] >> 3 & 7, low = at[4] & 7;
  if (mode == 3) {
    if (opcode == 0x49 && prefix == 0 && at[4] == 0xC0) { /* TILERELEASE */
      memset(&state, 0, sizeof state);
      return 5;
    }
    if (opcode == 0x49 && prefix == 3 && low == 0 && usable(tile)) {
      memset(state.data[tile], 0, sizeof state.data[tile]); /* TILEZERO */
      ++counts[Zeroed];
      return 5;
    }
    if (opcode == 0x5C && prefix == 2) /* TDPBF16PS */
      return multiply(tile, low, other) ? 5 : 0;
    return 0;
  }
  /* An address; relative to the next instruction it is not for tiles. */
  int length = 5, index = 4, scale = 0;
  int64_t address = 0;
  if (low == 4) {
    int sib = at[length++];
    index = (sib >> 3 & 7) + highX;
    scale = sib >> 6;
    low = sib & 7;
  }
  int none = low == 5 && mode == 0;
  if (none && length == 5) { /* RIP */
    int32_t distance;
    memcpy(&distance, at + length, 4);
    length += 4;
    address = (int64_t)(intptr_t)at + length + distance;
  } else {
    if (!none)
      address = valueOf(context, low + highB);
    int32_t distance = 0;
    if (mode == 1)
      distance = (int8_t)at[length];
    else if (mode == 2 || none)
      memcpy(&distance, at + length, 4);
    length += mode == 1 ? 1 : mode == 2 || none ? 4 : 0;
    address += distance;
  }
  int64_t along =
      index == 4 ? 0 : valueOf(context, index) * ((int64_t)1 << scale);
  if (opcode == 0x49 && prefix == 0 && tile == 0) /* LDTILECFG */
    return loadConfiguration((uint8_t *)(intptr_t)(address + along)) ? length
                                                                     : 0;
  int indexed = (at[4] & 7) == 4;
  if (opcode == 0x4B && indexed && usable(tile) &&
      (prefix == 3 || prefix == 2)) {
    /* TILELOADD and TILESTORED: the index is the distance of two rows. */
    move(tile, (uint8_t *)(intptr_t)address, along, prefix == 2);
    return length;
  }
  return 0;
}

static void handle(int signal_, siginfo_t *info, void *given) {
  (void)info;
  ucontext_t *context = given;
  greg_t *place = &context->uc_mcontext.gregs[REG_RIP];
  int length = execute(context, (const uint8_t *)*place);
  if (length)
    *place += length;
  else
    signal(signal_, SIG_DFL); /* it comes again */
}

/* Tile registers for this process: 1, the processor's own; 0, these. */
int amx_prepare(void) {
  enum { RequestPermission = 0x1023, TileData = 18 };
  if (__builtin_cpu_supports("amx-bf16") &&
      syscall(SYS_arch_prctl, RequestPermission, TileData) == 0)
    return 1;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGILL, &action, NULL);
  return 0;
}

/* How often it was configured, tiles loaded, stored, zeroed, multiplied. */
int64_t amx_count(int which) { return counts[which]; }
