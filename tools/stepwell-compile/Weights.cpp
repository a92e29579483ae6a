//===- Weights.cpp - Arguments bound to a safetensors file ----------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Signature.h"

#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace llvm;
using namespace stepwell;

namespace {
struct Entry {
  std::string dtype;
  SmallVector<int64_t> shape;
  uint64_t begin, end;
};
} // namespace

static std::optional<Entry> readEntry(const json::Object &object) {
  Entry entry;
  std::optional<StringRef> dtype = object.getString("dtype");
  const json::Array *shape = object.getArray("shape");
  const json::Array *offsets = object.getArray("data_offsets");
  if (!dtype || !shape || !offsets || offsets->size() != 2)
    return std::nullopt;
  entry.dtype = dtype->str();
  for (const json::Value &size : *shape) {
    std::optional<int64_t> value = size.getAsInteger();
    if (!value || *value < 0)
      return std::nullopt;
    entry.shape.push_back(*value);
  }
  std::optional<int64_t> begin = (*offsets)[0].getAsInteger();
  std::optional<int64_t> end = (*offsets)[1].getAsInteger();
  if (!begin || !end || *begin < 0 || *end < *begin)
    return std::nullopt;
  entry.begin = uint64_t(*begin);
  entry.end = uint64_t(*end);
  return entry;
}

Error stepwell::bindWeights(Signature &signature, StringRef file) {
  auto fail = [&](const Twine &message) {
    return createStringError(inconvertibleErrorCode(), file + ": " + message);
  };
  auto buffer = MemoryBuffer::getFile(file, /*IsText=*/false,
                                      /*RequiresNullTerminator=*/false);
  if (!buffer)
    return fail(buffer.getError().message());
  StringRef bytes = (*buffer)->getBuffer();
  if (bytes.size() < 8)
    return fail("not a safetensors file");
  uint64_t headerSize = support::endian::read64le(bytes.data());
  if (headerSize > bytes.size() - 8)
    return fail("not a safetensors file, or cut short");
  Expected<json::Value> header = json::parse(bytes.substr(8, headerSize));
  if (!header) {
    consumeError(header.takeError());
    return fail("the header of this safetensors file is not JSON");
  }
  const json::Object *tensors = header->getAsObject();
  if (!tensors)
    return fail("the header of this safetensors file is no JSON object");
  SmallString<256> path(file);
  if (std::error_code failed = sys::fs::make_absolute(path))
    return fail(failed.message());
  uint64_t dataBegin = 8 + headerSize;

  for (Parameter &parameter : signature.inputs) {
    const json::Object *object =
        parameter.label.empty() ? nullptr : tensors->getObject(parameter.label);
    if (!object)
      continue;
    std::string name = "tensor '" + parameter.label + "'";
    std::optional<Entry> entry = readEntry(*object);
    if (!entry || entry->end > bytes.size() - dataBegin)
      return fail(name + " is malformed or cut short");
    if (parameter.written)
      return fail(name + " is written by the program: it cannot be embedded");
    if (entry->dtype != parameter.type->safetensors)
      return fail(name + " is " + entry->dtype + ", the program takes " +
                  parameter.type->safetensors);
    uint64_t size = parameter.type->bytes;
    bool fits = entry->shape.size() == parameter.shape.size();
    for (size_t i = 0; fits && i < parameter.shape.size(); ++i) {
      fits = parameter.shape[i] < 0 || parameter.shape[i] == entry->shape[i];
      fits = fits &&
             !__builtin_mul_overflow(size, uint64_t(entry->shape[i]), &size);
    }
    if (!fits)
      return fail(name + " does not have the shape of " + parameter.describe());
    if (size != entry->end - entry->begin)
      return fail(name + " has the wrong number of bytes");
    parameter.shape = entry->shape;
    parameter.weight =
        Weight{std::string(path), dataBegin + entry->begin, size};
  }
  return Error::success();
}
