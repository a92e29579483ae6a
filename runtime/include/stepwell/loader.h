/*===- stepwell/loader.h - Reload a kernel object without LLVM --------------===
 *
 * Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Takes relocatable ELF64 x86-64 objects with no undefined symbols, a fixed
 * list of relocations (64, 32, 32S, PC32, PLT32, PC64), and the constant
 * stepwell_abi_version of this ABI. Anything else, a truncated or altered file
 * included, is refused with a message. The code itself is trusted: whoever
 * reads an object from a file checks its digest first.
 *===----------------------------------------------------------------------===*/
#ifndef STEPWELL_LOADER_H
#define STEPWELL_LOADER_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct stepwell_object stepwell_object;

/* The bytes need not be aligned and may go away afterwards. Pages are never
 * writable and executable at once. Null on failure, with a message in `error`
 * (of error_size bytes, always terminated). */
stepwell_object *stepwell_object_load(const void *bytes, size_t size,
                                      char *error, size_t error_size);

/* The address of a global function in executable pages, of a global datum
 * elsewhere; null if there is none of that name. */
void *stepwell_object_function(const stepwell_object *object, const char *name);
const void *stepwell_object_data(const stepwell_object *object,
                                 const char *name);

/* Bytes of address space the object takes. */
size_t stepwell_object_size(const stepwell_object *object);

/* Unmaps the code: no kernel of it may be running. Null is allowed. */
void stepwell_object_unload(stepwell_object *object);

#ifdef __cplusplus
}
#endif
#endif /* STEPWELL_LOADER_H */
