//===- CompilerLibrary.h - The compiler, opened when needed -----*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Of the eager side only this knows libstepwell-compiler.so.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LIB_EAGER_COMPILERLIBRARY_H
#define STEPWELL_LIB_EAGER_COMPILERLIBRARY_H

#include <string>

namespace stepwell {

/// What tells this build of the compiler from others.
const std::string &compilerBuildId();
/// The object for a key, freshly compiled. `locations` has the user's lines,
/// one for each operation; every step of the descent lands in `dumpFolder`
/// unless it is empty. A RuntimeError with the name of a reproducer if it
/// fails.
std::string compileKey(const std::string &key, const std::string &locations,
                       const std::string &dumpFolder);

} // namespace stepwell

#endif // STEPWELL_LIB_EAGER_COMPILERLIBRARY_H
