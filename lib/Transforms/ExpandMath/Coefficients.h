//===- Coefficients.h - Printed by tools/minimax/fit.py ---------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_TRANSFORMS_EXPANDMATH_COEFFICIENTS_H
#define STEPWELL_TRANSFORMS_EXPANDMATH_COEFFICIENTS_H

#include <cstdint>

namespace stepwell::expandmath {
// clang-format off

// (exp(r) - 1 - r) / r^2, |r| <= ln2/2; error 1.6e-18
inline constexpr double kExp[] = {
    0x1.0000000000000p-1,
    0x1.5555555555557p-3,
    0x1.5555555555556p-5,
    0x1.111111110ff87p-7,
    0x1.6c16c16c16212p-10,
    0x1.a01a01aca0134p-13,
    0x1.a01a01a741b3cp-16,
    0x1.71ddffef9e7b1p-19,
    0x1.27e4da1a3bf04p-22,
    0x1.af52906239de4p-26,
    0x1.1f75aba0b1e2ep-29,
};

// (2^r - 1) / r, |r| <= 1/2; error 2.4e-21
inline constexpr double kExp2[] = {
    0x1.62e42fefa39efp-1,
    0x1.ebfbdff82c58fp-3,
    0x1.c6b08d704a0c0p-5,
    0x1.3b2ab6fba4e7bp-7,
    0x1.5d87fe78a6732p-10,
    0x1.430912f86aa1bp-13,
    0x1.ffcbfc5889b06p-17,
    0x1.62c02246b8f28p-20,
    0x1.b5253d4281b83p-24,
    0x1.e4cf0093663e0p-28,
    0x1.e8ca8b7f9e346p-32,
    0x1.c4baaf38220e6p-36,
    0x1.821cd2d4a544cp-40,
};

// (2 atanh(s)/s - 2) / s^2 over z = s^2; error 2.1e-18
inline constexpr double kLog[] = {
    0x1.5555555555555p-1,
    0x1.9999999999a3ap-2,
    0x1.2492492476765p-2,
    0x1.c71c7201f207cp-3,
    0x1.745cf8c4c7bcap-3,
    0x1.3b1c42e3df02cp-3,
    0x1.0fbd2bafa02d6p-3,
    0x1.0c1263e1bac13p-3,
};

// (2 atanh(s)/s - 2 - 2z/3) / z^2; error 1.9e-18
inline constexpr double kLogTail[] = {
    0x1.999999999999ap-2,
    0x1.2492492492523p-2,
    0x1.c71c71c6ea0c3p-3,
    0x1.745d177b19a81p-3,
    0x1.3b13959b359a4p-3,
    0x1.1118d38b0f57bp-3,
    0x1.df7a598f77bc4p-4,
    0x1.e047e001993cbp-4,
};

// (sin(r)/r - 1) / z over z = r^2; error 5.3e-24
inline constexpr double kSin[] = {
    -0x1.5555555555555p-3,
    0x1.1111111111111p-7,
    -0x1.a01a01a01a019p-13,
    0x1.71de3a556c2bdp-19,
    -0x1.ae64567e71537p-26,
    0x1.61245fb2b0af7p-33,
    -0x1.ae7c50d10c1fdp-41,
    0x1.92413fd9b9768p-49,
};

// (cos(r) - 1 + z/2) / z^2; error 2.7e-25
inline constexpr double kCos[] = {
    0x1.5555555555555p-5,
    -0x1.6c16c16c16c17p-10,
    0x1.a01a01a01a019p-16,
    -0x1.27e4fb7789d93p-22,
    0x1.1eed8eff32b32p-29,
    -0x1.9397495269c33p-37,
    0x1.ae7ce67d816f8p-45,
    -0x1.65d18fe933621p-53,
};

// (atan(t)/t - 1) / z over z = t^2; error 1.2e-18
inline constexpr double kAtan[] = {
    -0x1.5555555555555p-2,
    0x1.9999999999952p-3,
    -0x1.249249248d739p-3,
    0x1.c71c71c2fc236p-4,
    -0x1.745d165c497f3p-4,
    0x1.3b1392a9c2d8bp-4,
    -0x1.110e84aa36d9dp-4,
    0x1.e199c62156609p-5,
    -0x1.ac7858539e493p-5,
    0x1.74d3a7b43351ap-5,
    -0x1.1b1992aa413c9p-5,
    0x1.0a997ba33c1dbp-6,
};

// erf(x)/x over z = x^2, |x| <= 1; error 3.4e-23
inline constexpr double kErf[] = {
    0x1.20dd750429b6dp+0,
    -0x1.812746b0379e7p-2,
    0x1.ce2f21a042be2p-4,
    -0x1.b82ce31288b47p-6,
    0x1.565bcd0e6a2e8p-8,
    -0x1.c02db40035d75p-11,
    0x1.f9a326f7a7d79p-14,
    -0x1.f4d25bf929e28p-17,
    0x1.b9e6c383b3297p-20,
    -0x1.5f73c32565d65p-23,
    0x1.fcbb250d21c51p-27,
    -0x1.517c8c59c6672p-30,
    0x1.9a0cd61504766p-34,
    -0x1.b3fec4af9bf8ap-38,
    0x1.3bdcc96384a07p-42,
};

// (1 + 2x) exp(x^2) erfc(x) over t = (x-4)/(x+4), 0.45 <= x <= 28; error 1.3e-19
inline constexpr double kErfcx[] = {
    0x1.3ba5916e9fd7fp+0,
    -0x1.1df1ad154a28ep-3,
    0x1.f7f5df66fd7adp-7,
    0x1.16ecefcfa53a6p-4,
    -0x1.9ddb23c3e9062p-4,
    0x1.7fee004e12281p-4,
    -0x1.0fb06dfe49f8dp-4,
    0x1.3079edf6896f7p-5,
    -0x1.09623884f22a9p-6,
    0x1.49c67283e0c32p-8,
    -0x1.8d4a99fe0ea8ep-11,
    -0x1.a1df2381bc255p-13,
    0x1.3be03dd94c4d6p-13,
    -0x1.995988a3267cdp-16,
    -0x1.7884740f540edp-17,
    0x1.7f2bf8be45558p-18,
    0x1.3964f453de67cp-22,
    -0x1.bb497adb52959p-21,
    0x1.4b31ce7722592p-24,
    0x1.db98c15d1832ep-24,
    -0x1.529ea30a80030p-26,
    -0x1.fd1a3535649adp-27,
    0x1.49ec11da2f685p-29,
    0x1.aae70181c1d6bp-30,
};

// (2^r - 1) / r, |r| <= 1/2; error 8.9e-16
inline constexpr double kExp2Single[] = {
    0x1.62e42fefa39f7p-1,
    0x1.ebfbdff82c590p-3,
    0x1.c6b08d7043f8fp-5,
    0x1.3b2ab6fba3804p-7,
    0x1.5d87fe90d9668p-10,
    0x1.430913039a652p-13,
    0x1.ffcb75655e26ep-17,
    0x1.62bfe3e1f42e8p-20,
    0x1.b65857cff5f78p-24,
    0x1.e5eb174f596a7p-28,
};

// (2 atanh(s)/s - 2) / s^2 over z = s^2 by 1/ln2; error 6.9e-14
inline constexpr double kLog2Single[] = {
    0x1.ec709dc3a01a3p-1,
    0x1.2776c51060e81p-1,
    0x1.a6175e53eda50p-2,
    0x1.484d8359c959ap-2,
    0x1.0bfc721292c52p-2,
    0x1.eb310c60a193bp-3,
};

// (sin(r)/r - 1) / z over z = r^2, |r| <= pi/2; error 1.9e-16
inline constexpr double kSinSingle[] = {
    -0x1.555555555554fp-3,
    0x1.1111111110034p-7,
    -0x1.a01a019e6543ep-13,
    0x1.71de394c3f20bp-19,
    -0x1.ae63bd1173028p-26,
    0x1.60f6c2b66a172p-33,
    -0x1.a1028854605c7p-41,
};

// the same, |r| <= pi/4; error 2.1e-17
inline constexpr double kSinQuarterSingle[] = {
    -0x1.5555555555555p-3,
    0x1.1111111110ba5p-7,
    -0x1.a01a019e80693p-13,
    0x1.71de379252004p-19,
    -0x1.ae60069e53ef1p-26,
    0x1.5e098556d302ep-33,
};

// (cos(r) - 1) / z over z = r^2, |r| <= pi/4; error 3.1e-16
inline constexpr double kCosQuarterSingle[] = {
    -0x1.ffffffffffffap-2,
    0x1.5555555554103p-5,
    -0x1.6c16c16917713p-10,
    0x1.a019fc7364c4bp-16,
    -0x1.27e0f15bb1c0cp-22,
    0x1.1c04cd182d06dp-29,
};

// (x + 3) exp(x^2) erfc(x) over t = 1 - 6 / (x + 3), 0 <= x <= 10.5; error 1.2e-12
inline constexpr double kErfcSingle[] = {
    0x1.12f21ddd9e419p+0,
    -0x1.c44c471bbc214p-1,
    0x1.2e326947990d1p-1,
    -0x1.3deb21360f8fbp-2,
    0x1.e995ef692869ep-4,
    -0x1.b789a610fff29p-6,
    -0x1.3dcf4a96bf483p-10,
    0x1.8db4c760ca184p-9,
    -0x1.1f9f957521946p-11,
    -0x1.235d47fb095b5p-12,
    0x1.c3ddf3f5af3e7p-14,
    0x1.169a975dda922p-15,
    -0x1.07960eb3b1060p-16,
    -0x1.df8054f05715fp-18,
    -0x1.4478a0f1267afp-21,
};

// (exp(r) - 1 - r) / r^2, |r| <= ln2/2; error 3.6e-9
inline constexpr float kExpF32[] = {
    0x1.0000000000000p-1f,
    0x1.5554820000000p-3f,
    0x1.5554e00000000p-5f,
    0x1.1244140000000p-7f,
    0x1.6d56f20000000p-10f,
};

// (2^r - 1) / r, |r| <= 1/2; error 9.2e-10
inline constexpr float kExp2F32[] = {
    0x1.62e4320000000p-1f,
    0x1.ebfbe00000000p-3f,
    0x1.c6ade40000000p-5f,
    0x1.3b2a400000000p-7f,
    0x1.5f99bc0000000p-10f,
    0x1.442d960000000p-13f,
};

// (log(1 + f) - f) / f^2, |f| <= 1/3; error 5.0e-9
inline constexpr float kLogF32[] = {
    -0x1.0000000000000p-1f,
    0x1.5555000000000p-2f,
    -0x1.ffff6a0000000p-3f,
    0x1.99d2820000000p-3f,
    -0x1.5588660000000p-3f,
    0x1.1eb5fc0000000p-3f,
    -0x1.f55d2c0000000p-4f,
    0x1.1ef9920000000p-3f,
    -0x1.03152a0000000p-3f,
};

// the same by 1/ln2; error 5.0e-9
inline constexpr float kLog2F32[] = {
    -0x1.7154760000000p-1f,
    0x1.ec70220000000p-2f,
    -0x1.7154420000000p-2f,
    0x1.279ff00000000p-2f,
    -0x1.ecae860000000p-3f,
    0x1.9d9fa40000000p-3f,
    -0x1.6a25800000000p-3f,
    0x1.9e12980000000p-3f,
    -0x1.73fb960000000p-3f,
};

// the same by 1/ln10; error 4.9e-9
inline constexpr float kLog10F32[] = {
    -0x1.bcb7b20000000p-3f,
    0x1.287a2c0000000p-3f,
    -0x1.bcb6ba0000000p-4f,
    0x1.63f79e0000000p-4f,
    -0x1.28b3240000000p-4f,
    0x1.f210700000000p-5f,
    -0x1.b274380000000p-5f,
    0x1.f28aba0000000p-5f,
    -0x1.c5d7220000000p-5f,
};

// (tanh(x)/x - 1) / z over z = x^2, |x| <= 0.6; error 2.7e-9
inline constexpr float kTanhF32[] = {
    -0x1.55553e0000000p-2f,
    0x1.1109c20000000p-3f,
    -0x1.b89b860000000p-5f,
    0x1.54ca200000000p-6f,
    -0x1.82a7d80000000p-8f,
};

// erf(x)/x - 1 over z = x^2, |x| <= 1; error 8.5e-10
inline constexpr float kErfNearF32[] = {
    0x1.06eba80000000p-3f,
    -0x1.8127440000000p-2f,
    0x1.ce2ea20000000p-4f,
    -0x1.b822320000000p-6f,
    0x1.55e0ee0000000p-8f,
    -0x1.b9d5580000000p-11f,
    0x1.c8c8d80000000p-14f,
    -0x1.2308800000000p-17f,
};

// -log(erfc(x)), 1 <= x <= 3.95; error 1.1e-9
inline constexpr float kErfFarF32[] = {
    0x1.5af6fa0000000p-12f,
    0x1.208bd20000000p+0f,
    0x1.46b1040000000p-1f,
    0x1.a69a060000000p-4f,
    -0x1.6656ee0000000p-6f,
    0x1.837a5e0000000p-9f,
    -0x1.88c1080000000p-13f,
};

// (a + c) exp(a^2/2) erfc(a/sqrt2) / 2 over t = 1 - 2c / (a + c), c = 2.75, 0 <= a <= 15; error 8.0e-9
inline constexpr double kGeluF32First = 0x1.701ef00000000p-1;
inline constexpr float kGeluF32[] = {
    -0x1.e5bd160000000p-2f,
    0x1.756bb80000000p-3f,
    -0x1.0f6b2a0000000p-6f,
    -0x1.0d6e5c0000000p-6f,
    0x1.a4ee100000000p-9f,
    0x1.47f9240000000p-9f,
    -0x1.41460a0000000p-12f,
    -0x1.dc3fda0000000p-12f,
    -0x1.4c15560000000p-16f,
    0x1.5b34020000000p-15f,
};

// The bits of 2/pi, the first just below the binary point.
inline constexpr uint64_t kTwoOverPi[] = {
    0xa2f9836e4e441529,
    0xfc2757d1f534ddc0,
    0xdb6295993c439041,
    0xfe5163abdebbc561,
    0xb7246e3a424dd2e0,
    0x06492eea09d1921c,
    0xfe1deb1cb129a73e,
    0xe88235f52ebb4484,
    0xe99c7026b45f7e41,
    0x3991d639835339f4,
    0x9c845f8bbdf9283b,
    0x1ff897ffde05980f,
    0xef2f118b5a0a6d1f,
    0x6d367ecf27cb09b7,
    0x4f463f669e5fea2d,
    0x7527bac7ebe5f17b,
    0x3d0739f78a5292ea,
    0x6bfb5fb11f8d5d08,
    0x56033046fc7b6bab,
    0xf0cfbc209af4361d,
};

// pi/2 = A + B + C: the first two have 33 bits.
inline constexpr double kPiOver2A = 0x1.921fb54400000p+0;
inline constexpr double kPiOver2B = 0x1.0b4611a600000p-34;
inline constexpr double kPiOver2C = 0x1.3198a2e037073p-69;

// clang-format on

} // namespace stepwell::expandmath

#endif
