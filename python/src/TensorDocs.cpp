//===- TensorDocs.cpp - What help() says of the methods in C++ ------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TensorDocs.h"

#include <algorithm>
#include <iterator>

// Each is a line, then perhaps errors and an example, which the tests run.

namespace {
struct Entry {
  std::string_view method;
  const char *text;
};

constexpr Entry entries[] = {
    {"clone",
     R"(A copy in memory of its own, with the tensor's strides where these are dense. Differentiable.

>>> x = tensor([1.0, 2.0])
>>> y = x.clone()
>>> y[0] = 5
>>> x
tensor([1., 2.]))"},
    {"contiguous",
     R"(The tensor itself if it is row-major, else a row-major copy.

>>> ones(2, 3).T.contiguous().stride()
(2, 1))"},
    {"copy_",
     R"(Writes the elements of another tensor, which broadcasts and is cast, and returns the tensor.

Raises:
    RuntimeError: the other does not broadcast to this one's shape.

>>> zeros(2, 2).copy_(tensor([1.0, 2.0]))
tensor([[1., 2.],
        [1., 2.]]))"},
    {"data_ptr", R"(The address of the first element.

>>> x = ones(4)
>>> x[1:].data_ptr() - x.data_ptr()
4)"},
    {"detach",
     R"(A tensor over the same memory, without a history: gradients end there.

>>> x = ones(2, requires_grad=True)
>>> (x * 2).detach().requires_grad
False)"},
    {"diagonal",
     R"(A view of the diagonal of two dimensions, as a new last dimension.

Raises:
    IndexError: there is no such dimension.

>>> tensor([[1, 2], [3, 4]]).diagonal()
tensor([1, 4]))"},
    {"dim", R"(The number of dimensions.

>>> ones(2, 3).dim()
2)"},
    {"element_size", R"(The bytes of an element.

>>> ones(1).element_size()
4)"},
    {"expand",
     R"(A view in which dimensions of size 1 are repeated, and new ones are put in front; -1 leaves a size.

Raises:
    RuntimeError: a size other than 1 would change.

>>> tensor([[1], [2]]).expand(2, 3)
tensor([[1, 1, 1],
        [2, 2, 2]]))"},
    {"expand_as", R"(`expand` to the shape of another tensor.

>>> ones(1, 2).expand_as(zeros(3, 2)).shape
(3, 2))"},
    {"fill_",
     R"(Writes a number, or the element of a tensor without dimensions, everywhere.

Raises:
    RuntimeError: the element type does not have the number, or a tensor has dimensions.

>>> zeros(3).fill_(2)
tensor([2., 2., 2.]))"},
    {"flatten",
     R"(The dimensions from `start_dim` to `end_dim` as one: a view where that is possible.

Raises:
    RuntimeError: `start_dim` comes after `end_dim`.

>>> ones(2, 3, 4).flatten(1).shape
(2, 12))"},
    {"is_contiguous",
     R"(Whether the elements lie in memory in row-major order, without gaps.

>>> ones(2, 3).T.is_contiguous()
False)"},
    {"is_floating_point", R"(Whether the elements are floats.

>>> ones(1).is_floating_point()
True)"},
    {"item", R"(The only element as a Python number.

Raises:
    RuntimeError: there are several elements, or none.

>>> tensor([2.5]).item()
2.5)"},
    {"narrow", R"(A view of `length` indices of a dimension, from `start` on.

Raises:
    IndexError: `start` is out of range.
    RuntimeError: there are fewer.

>>> arange(5).narrow(0, 1, 3)
tensor([1, 2, 3]))"},
    {"numel", R"(The number of elements.

>>> ones(2, 3).numel()
6)"},
    {"permute", R"(A view with its dimensions in another order.

Raises:
    RuntimeError: a dimension is missing or named twice.

>>> ones(2, 3, 4).permute(2, 0, 1).shape
(4, 2, 3))"},
    {"requires_grad_",
     R"(Says whether gradients of this leaf are wanted, and returns the tensor.

Raises:
    RuntimeError: the elements are no floats, or the tensor is no leaf.

>>> ones(2).requires_grad_()
tensor([1., 1.], requires_grad=True))"},
    {"reshape",
     R"(The elements in row-major order in another shape; -1 is what is left.

A view where the strides allow it, else a copy.

Raises:
    RuntimeError: the number of elements would change.

>>> arange(6).reshape(2, -1)
tensor([[0, 1, 2],
        [3, 4, 5]]))"},
    {"select", R"(A view of one index of a dimension, which the result lacks.

Raises:
    IndexError: the index or the dimension is out of range.

>>> tensor([[1, 2], [3, 4]]).select(1, 0)
tensor([1, 3]))"},
    {"size", R"(The shape, or one of its sizes.

>>> ones(2, 3).size(), ones(2, 3).size(1)
((2, 3), 3))"},
    {"storage_offset", R"(How many elements into its memory the tensor begins.

>>> arange(5)[2:].storage_offset()
2)"},
    {"squeeze",
     R"(A view without dimensions of size 1: all of them, or those that are given.

>>> ones(1, 3, 1).squeeze(0).shape
(3, 1))"},
    {"stride",
     R"(For each dimension, how many elements apart in memory neighbours lie.

>>> ones(2, 3).stride()
(3, 1))"},
    {"t",
     R"(A view of a matrix with rows and columns exchanged; of fewer dimensions, of the same.

Raises:
    RuntimeError: there are more than two dimensions.

>>> ones(2, 3).t().shape
(3, 2))"},
    {"tolist", R"(The elements as nested lists of Python numbers.

>>> tensor([[1, 2], [3, 4]]).tolist()
[[1, 2], [3, 4]])"},
    {"transpose", R"(A view with two dimensions exchanged.

Raises:
    IndexError: there is no such dimension.

>>> ones(2, 3, 4).transpose(0, 2).shape
(4, 3, 2))"},
    {"unsqueeze", R"(A view with a new dimension of size 1.

Raises:
    IndexError: there is no such place.

>>> ones(3).unsqueeze(0).shape
(1, 3))"},
    {"view", R"(A view of the elements in another shape; -1 is what is left.

Raises:
    RuntimeError: the number of elements would change, or the strides allow no view.

>>> arange(6).view(3, 2).shape
(3, 2))"},
    {"zero_", R"(Writes 0 everywhere.

>>> ones(3).zero_()
tensor([0., 0., 0.]))"},
};
} // namespace

const char *stepwell::python::docOf(std::string_view method) {
  const Entry *found =
      std::find_if(std::begin(entries), std::end(entries),
                   [&](const Entry &entry) { return entry.method == method; });
  return found == std::end(entries) ? "" : found->text;
}
