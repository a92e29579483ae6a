/*===- Runner.c - main() of a shipped executable ----------------------------===
 *
 * Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Reads each input from a .npy or raw little-endian file, runs the program,
 * writes each result as .npy.
 *===------------------------------------------------------------------------===*/
#include "stepwell/Runner.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MaxRank = 32 };

typedef struct Tensor {
  void *data;
  int64_t sizes[MaxRank];
} Tensor;

static const stepwell_program *const program = &stepwell_shipped_program;

static _Noreturn void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "%s: error: ", program->name);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  exit(1);
}

static int isAsked(const stepwell_parameter *input) { return !input->embedded; }

static void printUsage(void) {
  printf("usage: %s", program->name);
  for (int32_t i = 0; i < program->input_count; ++i)
    if (isAsked(&program->inputs[i]))
      printf(" %s", program->inputs[i].name);
  printf(" [--out-prefix=PREFIX]\n\n"
         "Each input is a file: .npy, or raw little-endian elements, the last\n"
         "dimension varying fastest. A scalar is a number. Each result is "
         "written to\nPREFIX<name>.npy.\n\ninputs:\n");
  for (int32_t i = 0; i < program->input_count; ++i)
    printf("  %-16s %s%s\n", program->inputs[i].name, program->inputs[i].type,
           program->inputs[i].embedded  ? " (embedded)"
           : program->inputs[i].written ? " (its new value is a result)"
                                        : "");
  printf("results:\n");
  for (int32_t i = 0; i < program->output_count; ++i)
    printf("  %-16s %s\n", program->outputs[i].name, program->outputs[i].type);
}

static void *allocate(int64_t bytes) {
  if (bytes < 0 || bytes > INT64_MAX - 63)
    die("out of memory");
  void *memory = aligned_alloc(64, ((size_t)bytes + 64) & ~(size_t)63);
  if (!memory)
    die("out of memory");
  return memory;
}

static char *readFile(const char *path, int64_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file)
    die("%s: %s", path, strerror(errno));
  int64_t room = 1 << 16, used = 0;
  char *bytes = allocate(room);
  for (;;) {
    size_t got = fread(bytes + used, 1, (size_t)(room - used), file);
    used += (int64_t)got;
    if (used < room)
      break;
    char *larger = allocate(room * 2);
    memcpy(larger, bytes, (size_t)used);
    free(bytes);
    bytes = larger;
    room *= 2;
  }
  if (ferror(file))
    die("%s: %s", path, strerror(errno));
  fclose(file);
  *size = used;
  return bytes;
}

static int64_t countBytes(const stepwell_parameter *parameter,
                          const int64_t *sizes) {
  int64_t bytes = parameter->element_bytes;
  for (int32_t i = 0; i < parameter->rank; ++i)
    if (__builtin_mul_overflow(bytes, sizes[i], &bytes))
      return -1;
  return bytes;
}

/* The text after 'key': in the header's Python dictionary. */
static const char *findField(const char *header, const char *key) {
  const char *at = strstr(header, key);
  if (!at)
    return NULL;
  at += strlen(key);
  return at + strspn(at, " ");
}

/* Sets `sizes` from the header; returns where the elements begin. */
static int64_t readNpyHeader(const char *path, const char *bytes, int64_t size,
                             const stepwell_parameter *input, int64_t *sizes) {
  int wide = size > 6 && bytes[6] >= 2;
  int64_t begin = wide ? 12 : 10;
  if (size < begin)
    die("%s: this .npy file is cut short", path);
  const unsigned char *length = (const unsigned char *)bytes + 8;
  int64_t headerSize = length[0] | length[1] << 8;
  if (wide)
    headerSize |= (int64_t)length[2] << 16 | (int64_t)length[3] << 24;
  if (headerSize > size - begin || headerSize > 65536)
    die("%s: this .npy file is cut short", path);
  char *header = allocate(headerSize + 1);
  memcpy(header, bytes + begin, (size_t)headerSize);
  header[headerSize] = 0;
  for (char *at = header; *at; ++at) /* it may end up in a message */
    if (*at < ' ' || *at > '~')
      *at = '?';

  const char *descr = findField(header, "'descr':");
  const char *order = findField(header, "'fortran_order':");
  const char *shape = findField(header, "'shape':");
  if (!descr || *descr != '\'' || !order || !shape || *shape != '(')
    die("%s: this .npy file has an unreadable header", path);
  size_t descrSize = strcspn(descr + 1, "'");
  int same = descrSize == strlen(input->descr) &&
             strncmp(descr + 1, input->descr, descrSize) == 0;
  if (!same)
    die("%s: '%s' takes %s (NumPy %s), the file holds %.*s", path, input->name,
        input->type, input->descr, (int)(descrSize > 16 ? 16 : descrSize),
        descr + 1);

  int32_t rank = 0;
  for (const char *at = shape + 1; *(at += strspn(at, " ,")) != ')';) {
    char *end;
    errno = 0;
    long long value = strtoll(at, &end, 10);
    if (end == at || errno || value < 0)
      die("%s: this .npy file has an unreadable header", path);
    if (rank < MaxRank)
      sizes[rank] = value;
    ++rank;
    at = end;
  }
  int fits = rank == input->rank;
  for (int32_t i = 0; fits && i < rank; ++i)
    fits = input->shape[i] < 0 || input->shape[i] == sizes[i];
  if (!fits)
    die("%s: '%s' takes %s, the file's shape is %.*s", path, input->name,
        input->type, (int)strcspn(shape, ")") + 1, shape);
  if (rank > 1 && strncmp(order, "False", 5) != 0)
    die("%s: stored in Fortran order; save numpy.ascontiguousarray(x)", path);
  free(header);
  return begin + headerSize;
}

/* A raw file tells one size: that of the only open dimension. */
static void inferRawSizes(const char *path, int64_t size,
                          const stepwell_parameter *input, int64_t *sizes) {
  int32_t open = -1;
  for (int32_t i = 0; i < input->rank; ++i) {
    sizes[i] = input->shape[i];
    if (sizes[i] >= 0)
      continue;
    if (open >= 0)
      die("%s: a raw file does not tell the shape of '%s' (%s); use .npy", path,
          input->name, input->type);
    open = i;
    sizes[i] = 1;
  }
  int64_t bytes = countBytes(input, sizes);
  if (open >= 0 && bytes > 0 && size % bytes == 0)
    sizes[open] = size / bytes;
}

static void readTensor(const char *path, const stepwell_parameter *input,
                       Tensor *tensor) {
  int64_t size, begin = 0;
  char *bytes = readFile(path, &size);
  if (size >= 6 && memcmp(bytes, "\x93NUMPY", 6) == 0)
    begin = readNpyHeader(path, bytes, size, input, tensor->sizes);
  else
    inferRawSizes(path, size, input, tensor->sizes);
  int64_t wanted = countBytes(input, tensor->sizes);
  if (wanted != size - begin)
    die("%s: '%s' takes %s, which is %lld bytes; the file has %lld", path,
        input->name, input->type, (long long)wanted, (long long)(size - begin));
  if (begin) { /* the elements begin where a vector may */
    char *data = allocate(wanted);
    memcpy(data, bytes + begin, (size_t)wanted);
    free(bytes);
    bytes = data;
  }
  if (strcmp(input->descr, "|b1") == 0) /* kernels take 0 and 1 for granted */
    for (int64_t i = 0; i < wanted; ++i)
      bytes[i] = bytes[i] != 0;
  tensor->data = bytes;
}

static stepwell_arg readScalar(const char *text,
                               const stepwell_parameter *input) {
  stepwell_arg word = {.i64 = 0};
  char *end;
  int fits = 1;
  errno = 0;
  if (strcmp(input->descr, "<f4") == 0)
    word.f32 = strtof(text, &end);
  else if (strcmp(input->descr, "<f8") == 0)
    word.f64 = strtod(text, &end);
  else {
    long long value = strtoll(text, &end, 0); /* f16 and bf16: their bits */
    int isUnsigned = strchr("ub", input->descr[1]) || input->descr[1] == 'f';
    int bits = input->descr[1] == 'b' ? 1 : 8 * input->element_bytes;
    fits = errno != ERANGE;
    if (bits < 64) {
      long long most = isUnsigned ? (1LL << bits) - 1 : (1LL << (bits - 1)) - 1;
      fits = fits && value <= most && value >= (isUnsigned ? 0 : -most - 1);
    }
    word.i64 = value;
  }
  if (end == text || *end || (errno && errno != ERANGE))
    die("'%s' takes a number (%s), not '%s'", input->name, input->type, text);
  if (!fits)
    die("'%s' takes %s, and %s does not fit", input->name, input->type, text);
  return word;
}

static void writeTensor(const char *prefix, const stepwell_parameter *result,
                        const Tensor *tensor) {
  size_t length = strlen(prefix) + strlen(result->name) + 5;
  char *path = allocate((int64_t)length);
  snprintf(path, length, "%s%s.npy", prefix, result->name);
  char shape[MaxRank * 22 + 4] = "";
  size_t used = 0;
  for (int32_t i = 0; i < result->rank; ++i)
    used += (size_t)snprintf(shape + used, sizeof shape - used, "%lld,%s",
                             (long long)tensor->sizes[i],
                             i + 1 < result->rank ? " " : "");
  char header[MaxRank * 22 + 128];
  int size =
      snprintf(header, sizeof header,
               "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }",
               result->descr, shape);
  int padding = 63 - (10 + size) % 64;
  int total = size + padding + 1;
  FILE *file = fopen(path, "wb");
  if (!file)
    die("%s: %s", path, strerror(errno));
  fwrite("\x93NUMPY\x01\x00", 1, 8, file);
  fputc(total & 255, file);
  fputc(total >> 8, file);
  fprintf(file, "%s%*s\n", header, padding, "");
  fwrite(tensor->data, 1, (size_t)countBytes(result, tensor->sizes), file);
  if (ferror(file) | fclose(file))
    die("%s: %s", path, strerror(errno));
  printf("%s %s -> %s\n", result->name, result->type, path);
  free(path);
}

static stepwell_arg *appendTensor(stepwell_arg *word,
                                  const stepwell_parameter *parameter,
                                  const Tensor *tensor) {
  int32_t rank = parameter->rank;
  (word++)->pointer = parameter->shape_only ? NULL : tensor->data;
  uint64_t stride = 1; /* where there are no elements it may wrap */
  for (int32_t i = rank; i-- > 0; stride *= (uint64_t)tensor->sizes[i]) {
    word[i].i64 = tensor->sizes[i];
    word[rank + i].u64 = stride;
  }
  return word + 2 * rank;
}

/* A size of a result: docs/abi.md describes the language. */
static int64_t evaluate(const char *code, const stepwell_arg *words) {
  int64_t stack[64];
  int depth = 0, failed = 0;
  while (*code && !failed) {
    size_t length = strcspn(code, " ");
    char *end;
    int64_t value = 0;
    if (*code == 'w' || (*code >= '0' && *code <= '9') ||
        (*code == '-' && length > 1)) {
      value = strtoll(code + (*code == 'w'), &end, 10);
      if (*code == 'w')
        value = words[value].i64;
    } else {
      int64_t b = depth ? stack[--depth] : 0, a = depth ? stack[--depth] : 0;
      int wide = length == 2;
      switch (*code) {
      case '+':
        failed = __builtin_add_overflow(a, b, &value);
        break;
      case '-':
        failed = __builtin_sub_overflow(a, b, &value);
        break;
      case '*':
        failed = __builtin_mul_overflow(a, b, &value);
        break;
      case '/':
      case '%':
        failed = b == 0 || (a == INT64_MIN && b == -1);
        if (failed)
          break;
        value = *code == '%' ? a % b : a / b;
        if ((wide || *code == '%') && a % b != 0 && (a < 0) != (b < 0))
          value += *code == '%' ? b : -1;
        break;
      case '=':
        value = a == b;
        break;
      case '!':
        value = a != b;
        break;
      case '<':
        value = wide ? a <= b : a < b;
        break;
      case '>':
        value = wide ? a >= b : a > b;
        break;
      case '?':
        value = (depth ? stack[--depth] : 0) ? a : b;
        break;
      default:
        failed = 1;
      }
    }
    if (depth == 64)
      failed = 1;
    else
      stack[depth++] = value;
    code += length;
    code += *code == ' ';
  }
  return failed || depth != 1 ? -1 : stack[0];
}

/* What the inputs say about the sizes of a result. */
static void findSizes(const stepwell_parameter *output,
                      const stepwell_arg *words, int64_t *sizes) {
  for (int32_t i = 0; i < output->rank; ++i) {
    sizes[i] = output->shape[i];
    if (sizes[i] < 0 && output->sizes)
      sizes[i] = evaluate(output->sizes[i], words);
    if (sizes[i] < 0)
      die("shapes do not match: '%s' (%s) would have a size that is no number "
          "of elements",
          output->name, output->type);
  }
}

int main(int argc, char **argv) {
  const char *prefix = "";
  int32_t given = 0, asked = 0;
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
      printUsage();
      return 0;
    }
    if (strncmp(argv[i], "--out-prefix=", 13) == 0)
      prefix = argv[i] + 13;
    else if (strncmp(argv[i], "--", 2) == 0)
      die("unknown option '%s'; --help lists them", argv[i]);
    else
      argv[++given] = argv[i];
  }
  for (int32_t i = 0; i < program->input_count; ++i)
    asked += isAsked(&program->inputs[i]);
  if (given != asked)
    die("%d inputs are needed, %d given; --help lists them", asked, given);

  const char *missing = stepwell_runtime_missing_feature(program->features);
  if (missing)
    die("this program was compiled for %s; this processor lacks %s",
        program->cpu, missing);

  Tensor *inputs = calloc((size_t)program->input_count + 1, sizeof(Tensor));
  Tensor *outputs = calloc((size_t)program->output_count + 1, sizeof(Tensor));
  stepwell_arg *words =
      calloc((size_t)(program->input_count + program->output_count + 1) *
                 (1 + 2 * MaxRank),
             sizeof(stepwell_arg));
  if (!inputs || !outputs || !words)
    die("out of memory");
  stepwell_arg *word = words;
  char **argument = argv + 1;
  for (int32_t i = 0; i < program->input_count; ++i) {
    const stepwell_parameter *input = &program->inputs[i];
    if (input->scalar) {
      stepwell_arg value = {.i64 = 0};
      if (input->embedded)
        memcpy(&value, input->embedded, (size_t)input->element_bytes);
      else
        value = readScalar(*argument++, input);
      *word++ = value;
      continue;
    }
    if (input->embedded) {
      inputs[i].data = (void *)input->embedded;
      memcpy(inputs[i].sizes, input->shape,
             (size_t)input->rank * sizeof(int64_t));
    } else {
      readTensor(*argument++, input, &inputs[i]);
    }
    word = appendTensor(word, input, &inputs[i]);
  }
  for (int32_t i = 0; i < program->output_count; ++i) {
    const stepwell_parameter *output = &program->outputs[i];
    findSizes(output, words, outputs[i].sizes);
    outputs[i].data = allocate(countBytes(output, outputs[i].sizes));
    word = appendTensor(word, output, &outputs[i]);
  }

  stepwell_context context;
  stepwell_context_init(&context, program->threading);
  int32_t status = stepwell_context_call(&context, program->kernel,
                                         program->workspace_size, words);
  if (status == STEPWELL_INDEX_OUT_OF_RANGE)
    die("index %lld is out of range for dimension %lld of size %lld",
        (long long)context.error.detail[0], (long long)context.error.detail[2],
        (long long)context.error.detail[1]);
  if (status == STEPWELL_SHAPE_MISMATCH)
    die("shapes do not match: a size is %lld where %lld is needed",
        (long long)context.error.detail[0], (long long)context.error.detail[1]);
  if (status != STEPWELL_OK)
    die("%s", stepwell_status_message(status));
  for (int32_t i = 0; i < program->input_count; ++i)
    if (program->inputs[i].written)
      writeTensor(prefix, &program->inputs[i], &inputs[i]);
  for (int32_t i = 0; i < program->output_count; ++i)
    writeTensor(prefix, &program->outputs[i], &outputs[i]);
  return 0;
}
