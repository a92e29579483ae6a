/*===- Loader.c - Reload a kernel object without LLVM -----------------------===
 *
 * Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Every number read from the file is checked before it is used: the file may be
 * cut short, altered, or no object at all.
 *===------------------------------------------------------------------------===*/
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "stepwell/loader.h"
#include "stepwell/abi.h"

#include <elf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MaxSections = 4096, MaxAlignment = 4096 };
/* Every pair of addresses within one mapping is in reach of a signed 32 bits.
 */
static const uint64_t MaxBytes = (uint64_t)1 << 30;

typedef enum { Text, ReadOnly, Writable, Regions, NotLoaded = Regions } Region;

typedef struct Symbol {
  const char *name; /* in stepwell_object.names */
  char *address;
  uint64_t room; /* bytes from the address to its section's end */
  int executable;
} Symbol;

struct stepwell_object {
  char *base;
  size_t bytes;
  size_t symbolCount;
  Symbol *symbols;
  char *names;
};

typedef struct Section {
  Elf64_Shdr header;
  Region region;
  uint64_t offset; /* in the mapping */
} Section;

typedef struct Loading {
  const char *bytes;
  size_t size;
  Section *sections;
  size_t sectionCount;
  const char *names; /* of sections */
  size_t namesSize;
  const char *symbols;
  size_t symbolCount, symbolSection;
  const char *strings; /* of symbols */
  size_t stringsSize;
  uint64_t regionBegin[Regions + 1];
  stepwell_object *object;
  char *error;
  size_t errorSize;
} Loading;

__attribute__((format(printf, 2, 3))) static int fail(Loading *loading,
                                                      const char *format, ...) {
  if (loading->errorSize) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(loading->error, loading->errorSize, format, arguments);
    va_end(arguments);
  }
  return 0;
}

static int inFile(const Loading *loading, uint64_t offset, uint64_t size) {
  return offset <= loading->size && size <= loading->size - offset;
}

/* A string table must end in a zero byte, so that every offset is a string. */
static int readStrings(Loading *loading, uint64_t index, const char **strings,
                       size_t *size) {
  if (index >= loading->sectionCount)
    return fail(loading, "malformed object: no such string table");
  const Elf64_Shdr *header = &loading->sections[index].header;
  if (header->sh_type != SHT_STRTAB || !header->sh_size ||
      !inFile(loading, header->sh_offset, header->sh_size) ||
      loading->bytes[header->sh_offset + header->sh_size - 1] != 0)
    return fail(loading, "malformed object: bad string table");
  *strings = loading->bytes + header->sh_offset;
  *size = header->sh_size;
  return 1;
}

static int readSections(Loading *loading) {
  Elf64_Ehdr header;
  if (loading->size < sizeof header)
    return fail(loading, "not an object file: %zu bytes", loading->size);
  memcpy(&header, loading->bytes, sizeof header);
  if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return fail(loading, "not an ELF file");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_ident[EI_VERSION] != EV_CURRENT ||
      header.e_version != EV_CURRENT || header.e_type != ET_REL)
    return fail(loading, "not a relocatable little-endian ELF64 file");
  if (header.e_machine != EM_X86_64)
    return fail(loading, "an object for machine %d, not x86-64",
                header.e_machine);
  if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shnum < 2 ||
      header.e_shnum > MaxSections ||
      !inFile(loading, header.e_shoff,
              (uint64_t)header.e_shnum * sizeof(Elf64_Shdr)))
    return fail(loading, "malformed object: bad section table");
  loading->sectionCount = header.e_shnum;
  loading->sections = calloc(header.e_shnum, sizeof(Section));
  if (!loading->sections)
    return fail(loading, "out of memory");
  for (size_t i = 0; i < loading->sectionCount; ++i) {
    memcpy(&loading->sections[i].header,
           loading->bytes + header.e_shoff + i * sizeof(Elf64_Shdr),
           sizeof(Elf64_Shdr));
    loading->sections[i].region = NotLoaded;
  }
  return readStrings(loading, header.e_shstrndx, &loading->names,
                     &loading->namesSize);
}

/* Which sections are loaded, and where. */
static int placeSections(Loading *loading) {
  for (size_t i = 1; i < loading->sectionCount; ++i) {
    Section *section = &loading->sections[i];
    const Elf64_Shdr *header = &section->header;
    if (header->sh_name >= loading->namesSize)
      return fail(loading, "malformed object: bad section name");
    const char *name = loading->names + header->sh_name;
    if (header->sh_type == SHT_REL)
      return fail(loading, "section '%s': relocations without addends", name);
    if (!(header->sh_flags & SHF_ALLOC) || header->sh_type == SHT_NOTE ||
        header->sh_type == SHT_X86_64_UNWIND || strcmp(name, ".eh_frame") == 0)
      continue;
    if ((header->sh_type != SHT_PROGBITS && header->sh_type != SHT_NOBITS) ||
        (header->sh_flags & SHF_TLS))
      return fail(loading, "section '%s' is of a kind that kernels do not have",
                  name);
    if ((header->sh_flags & SHF_EXECINSTR) && (header->sh_flags & SHF_WRITE))
      return fail(loading, "section '%s' is writable and executable", name);
    uint64_t alignment = header->sh_addralign;
    if (alignment > MaxAlignment || (alignment & (alignment - 1)))
      return fail(loading, "malformed object: section '%s' is misaligned",
                  name);
    if (header->sh_size > MaxBytes ||
        (header->sh_type == SHT_PROGBITS &&
         !inFile(loading, header->sh_offset, header->sh_size)))
      return fail(loading, "malformed object: section '%s' is cut short", name);
    section->region = header->sh_flags & SHF_EXECINSTR ? Text
                      : header->sh_flags & SHF_WRITE   ? Writable
                                                       : ReadOnly;
  }
  uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), offset = 0;
  for (Region region = Text; region < Regions; ++region) {
    loading->regionBegin[region] = offset;
    for (size_t i = 1; i < loading->sectionCount; ++i) {
      Section *section = &loading->sections[i];
      if (section->region != region)
        continue;
      uint64_t alignment =
          section->header.sh_addralign ? section->header.sh_addralign : 1;
      offset = (offset + alignment - 1) & ~(alignment - 1);
      section->offset = offset;
      offset += section->header.sh_size;
      if (offset > MaxBytes)
        return fail(loading, "the object needs more than 1 GiB");
    }
    offset = (offset + page - 1) & ~(page - 1);
  }
  loading->regionBegin[Regions] = offset;
  if (loading->regionBegin[Text + 1] == 0)
    return fail(loading, "the object holds no code");
  return 1;
}

static int mapSections(Loading *loading) {
  stepwell_object *object = loading->object;
  void *base = mmap(NULL, loading->regionBegin[Regions], PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED)
    return fail(loading, "cannot map %llu bytes",
                (unsigned long long)loading->regionBegin[Regions]);
  object->base = base;
  object->bytes = loading->regionBegin[Regions];
  for (size_t i = 1; i < loading->sectionCount; ++i) {
    const Section *section = &loading->sections[i];
    if (section->region != NotLoaded && section->header.sh_type == SHT_PROGBITS)
      memcpy(object->base + section->offset,
             loading->bytes + section->header.sh_offset,
             section->header.sh_size);
  }
  return 1;
}

static int readSymbolTable(Loading *loading) {
  for (size_t i = 1; i < loading->sectionCount; ++i) {
    const Elf64_Shdr *header = &loading->sections[i].header;
    if (header->sh_type != SHT_SYMTAB)
      continue;
    if (loading->symbolSection || header->sh_entsize != sizeof(Elf64_Sym) ||
        header->sh_size % sizeof(Elf64_Sym) ||
        !inFile(loading, header->sh_offset, header->sh_size))
      return fail(loading, "malformed object: bad symbol table");
    loading->symbolSection = i;
    loading->symbols = loading->bytes + header->sh_offset;
    loading->symbolCount = header->sh_size / sizeof(Elf64_Sym);
    if (!readStrings(loading, header->sh_link, &loading->strings,
                     &loading->stringsSize))
      return 0;
  }
  if (!loading->symbolSection)
    return fail(loading, "the object has no symbols");
  return 1;
}

/* The run-time address of symbol `index`, or a failure. */
static int resolve(Loading *loading, uint64_t index, Elf64_Sym *symbol,
                   uint64_t *address) {
  if (index >= loading->symbolCount)
    return fail(loading, "malformed object: no such symbol");
  memcpy(symbol, loading->symbols + index * sizeof *symbol, sizeof *symbol);
  if (symbol->st_name >= loading->stringsSize)
    return fail(loading, "malformed object: bad symbol name");
  const char *name = loading->strings + symbol->st_name;
  if (symbol->st_shndx == SHN_UNDEF) {
    /* The null symbol is zero: relocations that need none use it. */
    *address = 0;
    return index == 0 ? 1 : fail(loading, "undefined symbol '%s'", name);
  }
  if (symbol->st_shndx == SHN_ABS) {
    *address = symbol->st_value;
    return 1;
  }
  if (ELF64_ST_TYPE(symbol->st_info) == STT_GNU_IFUNC ||
      ELF64_ST_TYPE(symbol->st_info) == STT_TLS ||
      symbol->st_shndx >= loading->sectionCount ||
      loading->sections[symbol->st_shndx].region == NotLoaded)
    return fail(loading, "symbol '%s' is in no section that is loaded", name);
  const Section *section = &loading->sections[symbol->st_shndx];
  if (symbol->st_value > section->header.sh_size)
    return fail(loading, "malformed object: symbol '%s' is outside its section",
                name);
  *address =
      (uint64_t)loading->object->base + section->offset + symbol->st_value;
  return 1;
}

static int relocateOne(Loading *loading, const Section *target,
                       const Elf64_Rela *relocation) {
  unsigned type = ELF64_R_TYPE(relocation->r_info);
  unsigned width;
  switch (type) {
  case R_X86_64_NONE:
    return 1;
  case R_X86_64_64:
  case R_X86_64_PC64:
    width = 8;
    break;
  case R_X86_64_PC32:
  case R_X86_64_PLT32:
  case R_X86_64_32:
  case R_X86_64_32S:
    width = 4;
    break;
  default:
    return fail(loading, "relocation of type %u is not supported", type);
  }
  if (target->header.sh_type != SHT_PROGBITS ||
      relocation->r_offset > target->header.sh_size ||
      width > target->header.sh_size - relocation->r_offset)
    return fail(loading, "malformed object: relocation outside its section");
  Elf64_Sym symbol;
  uint64_t value;
  if (!resolve(loading, ELF64_R_SYM(relocation->r_info), &symbol, &value))
    return 0;
  char *place = loading->object->base + target->offset + relocation->r_offset;
  value += (uint64_t)relocation->r_addend;
  if (type == R_X86_64_PC32 || type == R_X86_64_PLT32 || type == R_X86_64_PC64)
    value -= (uint64_t)place;
  int fits = type == R_X86_64_32 ? value == (uint32_t)value
                                 : (int64_t)value == (int32_t)value;
  if (width == 4 && !fits)
    return fail(loading, "relocation of type %u does not reach '%s'", type,
                loading->strings + symbol.st_name);
  memcpy(place, &value, width); /* little-endian, as checked */
  return 1;
}

static int relocate(Loading *loading) {
  for (size_t i = 1; i < loading->sectionCount; ++i) {
    const Elf64_Shdr *header = &loading->sections[i].header;
    if (header->sh_type != SHT_RELA)
      continue;
    if (header->sh_info >= loading->sectionCount)
      return fail(loading, "malformed object: relocations of no section");
    const Section *target = &loading->sections[header->sh_info];
    if (target->region == NotLoaded)
      continue;
    if (header->sh_link != loading->symbolSection ||
        header->sh_entsize != sizeof(Elf64_Rela) ||
        header->sh_size % sizeof(Elf64_Rela) ||
        !inFile(loading, header->sh_offset, header->sh_size))
      return fail(loading, "malformed object: bad relocation table");
    for (uint64_t at = 0; at < header->sh_size; at += sizeof(Elf64_Rela)) {
      Elf64_Rela relocation;
      memcpy(&relocation, loading->bytes + header->sh_offset + at,
             sizeof relocation);
      if (!relocateOne(loading, target, &relocation))
        return 0;
    }
  }
  return 1;
}

/* Keeps the global symbols; an undefined one is refused even if unused. */
static int keepSymbols(Loading *loading) {
  stepwell_object *object = loading->object;
  object->names = malloc(loading->stringsSize);
  object->symbols = calloc(loading->symbolCount + 1, sizeof(Symbol));
  if (!object->names || !object->symbols)
    return fail(loading, "out of memory");
  memcpy(object->names, loading->strings, loading->stringsSize);
  for (size_t i = 1; i < loading->symbolCount; ++i) {
    Elf64_Sym symbol;
    memcpy(&symbol, loading->symbols + i * sizeof symbol, sizeof symbol);
    if (ELF64_ST_BIND(symbol.st_info) == STB_LOCAL)
      continue;
    uint64_t address;
    if (!resolve(loading, i, &symbol, &address))
      return 0;
    if (symbol.st_shndx == SHN_ABS)
      continue;
    const Section *section = &loading->sections[symbol.st_shndx];
    object->symbols[object->symbolCount++] = (Symbol){
        object->names + symbol.st_name, (char *)address,
        section->header.sh_size - symbol.st_value, section->region == Text};
  }
  return 1;
}

static int protect(Loading *loading) {
  static const int protections[Regions] = {PROT_READ | PROT_EXEC, PROT_READ,
                                           PROT_READ | PROT_WRITE};
  for (Region region = Text; region < Regions; ++region) {
    uint64_t begin = loading->regionBegin[region];
    uint64_t size = loading->regionBegin[region + 1] - begin;
    if (size && region != Writable &&
        mprotect(loading->object->base + begin, size, protections[region]) != 0)
      return fail(loading, "this system does not let code be made executable");
  }
  return 1;
}

static const Symbol *find(const stepwell_object *object, const char *name,
                          int executable) {
  for (size_t i = 0; i < object->symbolCount; ++i)
    if (object->symbols[i].executable == executable &&
        object->symbols[i].room && strcmp(object->symbols[i].name, name) == 0)
      return &object->symbols[i];
  return NULL;
}

static int checkVersion(Loading *loading) {
  const Symbol *symbol = find(loading->object, "stepwell_abi_version", 0);
  int32_t version;
  if (!symbol || symbol->room < sizeof version)
    return fail(loading, "not a kernel: it has no stepwell_abi_version");
  memcpy(&version, symbol->address, sizeof version);
  if (version != STEPWELL_ABI_VERSION)
    return fail(loading, "a kernel of ABI version %d, this runtime has %d",
                version, STEPWELL_ABI_VERSION);
  return 1;
}

stepwell_object *stepwell_object_load(const void *bytes, size_t size,
                                      char *error, size_t error_size) {
  Loading loading = {
      .bytes = bytes, .size = size, .error = error, .errorSize = error_size};
  if (error_size)
    error[0] = 0;
  loading.object = calloc(1, sizeof(stepwell_object));
  int ok = loading.object
               ? readSections(&loading) && placeSections(&loading) &&
                     readSymbolTable(&loading) && mapSections(&loading) &&
                     keepSymbols(&loading) && relocate(&loading) &&
                     protect(&loading) && checkVersion(&loading)
               : fail(&loading, "out of memory");
  free(loading.sections);
  if (ok)
    return loading.object;
  stepwell_object_unload(loading.object);
  return NULL;
}

void *stepwell_object_function(const stepwell_object *object,
                               const char *name) {
  const Symbol *symbol = find(object, name, 1);
  return symbol ? symbol->address : NULL;
}

const void *stepwell_object_data(const stepwell_object *object,
                                 const char *name) {
  const Symbol *symbol = find(object, name, 0);
  return symbol ? symbol->address : NULL;
}

size_t stepwell_object_size(const stepwell_object *object) {
  return object->bytes;
}

void stepwell_object_unload(stepwell_object *object) {
  if (!object)
    return;
  if (object->base)
    munmap(object->base, object->bytes);
  free(object->symbols);
  free(object->names);
  free(object);
}
