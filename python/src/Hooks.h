//===- Hooks.h - Python functions that see gradients ------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_PYTHON_HOOKS_H
#define STEPWELL_PYTHON_HOOKS_H

#include "PyTensor.h"

namespace stepwell::python {

/// What Tensor.register_hook fills: a dict of functions, called in its order.
/// The one of the key "retain" (retain_grad) comes last.
struct PyHooks : GradientHooks {
  PyObject *functions;
  PyHooks() : functions(PyDict_New()) {}
  ~PyHooks() override { Py_XDECREF(functions); }
  Tensor call(const Tensor &gradient) override;
  bool empty() const override {
    return !functions || PyDict_GET_SIZE(functions) == 0;
  }
};

/// The functions that nothing but this tensor keeps alive: Python's garbage
/// collector looks for cycles through them.
template <typename F> void forOwnHooks(TensorImpl *tensor, F visit) {
  if (!tensor || tensor->references != 1)
    return;
  auto one = [&](const Ref<GradientHooks> &hooks) {
    if (hooks && hooks->references == 1)
      visit(static_cast<PyHooks &>(*hooks));
  };
  one(tensor->hooks);
  if (tensor->node && tensor->node->references == 1)
    for (auto &[index, hooks] : tensor->node->hooks)
      one(hooks);
}

void addHooks(nanobind::module_ &);

} // namespace stepwell::python

#endif // STEPWELL_PYTHON_HOOKS_H
