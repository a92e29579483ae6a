//===- TensorFile.cpp - safetensors and .stepwell files -------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "TensorFile.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"

using namespace llvm;
using namespace stepwell;

constexpr StringLiteral kVersion = "1";
constexpr StringLiteral kMetadata = "__metadata__";
constexpr uint64_t kLargestHeader = 100'000'000; // as in safetensors
constexpr unsigned kDeepestHeader = 16;

bool stepwell::looksLikePackage(StringRef path, StringRef content) {
  if (sys::path::extension(path) == ".stepwell")
    return true;
  return content.size() > 8 && content[8] == '{' &&
         support::endian::read64le(content.data()) <= content.size() - 8;
}

Error TensorFile::fail(const Twine &message) const {
  return createStringError(inconvertibleErrorCode(), path + ": " + message);
}

/// LLVM's JSON parser goes as deep as the text does.
static bool isNestedTooDeeply(StringRef json) {
  unsigned depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < json.size(); ++i) {
    char c = json[i];
    if (quoted) {
      i += c == '\\';
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kDeepestHeader)
        return true;
    } else if ((c == ']' || c == '}') && depth) {
      --depth;
    }
  }
  return false;
}

Expected<TensorFile> TensorFile::open(StringRef path) {
  TensorFile file(path);
  auto buffer = MemoryBuffer::getFile(path, /*IsText=*/false,
                                      /*RequiresNullTerminator=*/false);
  if (!buffer)
    return file.fail(buffer.getError().message());
  file.buffer = std::move(*buffer);
  StringRef bytes = file.buffer->getBuffer();
  if (bytes.size() < 8)
    return file.fail("not a safetensors file");
  uint64_t headerSize = support::endian::read64le(bytes.data());
  if (headerSize > bytes.size() - 8 || headerSize > kLargestHeader)
    return file.fail("not a safetensors file, or cut short");
  StringRef text = bytes.substr(8, headerSize);
  Expected<json::Value> header =
      isNestedTooDeeply(text)
          ? createStringError(inconvertibleErrorCode(), "too deep")
          : json::parse(text);
  if (!header) {
    consumeError(header.takeError());
    return file.fail("the header of this safetensors file is not JSON");
  }
  json::Object *entries = header->getAsObject();
  if (!entries)
    return file.fail("the header of this safetensors file is no JSON object");
  file.entries = std::move(*entries);
  file.dataBegin = 8 + headerSize;
  return file;
}

Expected<std::string> TensorFile::program() const {
  const json::Object *metadata = entries.getObject(kMetadata);
  std::optional<StringRef> version, digest, program;
  if (metadata)
    version = metadata->getString("stepwell");
  if (!version)
    return fail("this file holds no program");
  if (*version != kVersion)
    return fail("format version '" + *version + "'; this Stepwell reads " +
                kVersion);
  digest = metadata->getString("sha256");
  program = metadata->getString("program");
  if (!digest || !program)
    return fail("the program or the checksum is missing");
  // The checksum is over the file with zeros in the checksum's place.
  StringRef bytes = buffer->getBuffer();
  auto [before, after] = bytes.split(*digest);
  SHA256 sum;
  sum.update(before);
  sum.update(std::string(digest->size(), '0'));
  sum.update(after);
  if (digest->size() != 64 || toHex(sum.final(), /*LowerCase=*/true) != *digest)
    return fail("the file is damaged: its checksum is another");
  return program->str();
}

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

Error TensorFile::bind(Parameter &parameter, const json::Object &object) const {
  std::string name = "tensor '" + parameter.label + "'";
  std::optional<Entry> entry = readEntry(object);
  if (!entry || entry->end > buffer->getBufferSize() - dataBegin)
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
    fits =
        fits && !__builtin_mul_overflow(size, uint64_t(entry->shape[i]), &size);
  }
  if (!fits)
    return fail(name + " does not have the shape of " + parameter.describe());
  if (size != entry->end - entry->begin)
    return fail(name + " has the wrong number of bytes");
  StringRef bytes = buffer->getBuffer().substr(dataBegin + entry->begin, size);
  if (entry->dtype == "BOOL" &&
      !all_of(bytes, [](char c) { return c == 0 || c == 1; }))
    return fail(name + " has bytes that are neither 0 nor 1");
  // The assembler reads it from there.
  SmallString<256> absolute(path);
  if (std::error_code failed = sys::fs::make_absolute(absolute))
    return fail(failed.message());
  parameter.shape = entry->shape;
  parameter.weight =
      Weight{std::string(absolute), dataBegin + entry->begin, size};
  return Error::success();
}

Error TensorFile::bind(Signature &signature, bool all) const {
  size_t bound = 0;
  for (Parameter &parameter : signature.inputs) {
    const json::Object *object =
        parameter.label.empty() || parameter.label == kMetadata
            ? nullptr
            : entries.getObject(parameter.label);
    if (!object)
      continue;
    if (Error error = bind(parameter, *object))
      return error;
    ++bound;
  }
  if (all && bound != entries.size() - (entries.get(kMetadata) ? 1 : 0))
    return fail("the program and the tensors of this file do not fit");
  return Error::success();
}
