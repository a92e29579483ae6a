//===- Hooks.cpp - Python functions that see gradients --------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Hooks.h"

#include "stepwell/Eager/Capture.h"

#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using namespace nb::literals;

namespace stepwell::python {

/// What a hook returned in place of a gradient.
static Tensor replacement(PyObject *made, const Tensor &gradient) {
  if (!isTensor(made))
    fail(Error::Kind::Type,
         std::string("expected Tensor, but hook returned '") +
             Py_TYPE(made)->tp_name + "'");
  Tensor tensor = unwrap(made);
  if (!(tensor->sizes == gradient->sizes))
    fail(Error::Kind::Runtime,
         "hook has changed the size of value: " + toString(gradient->sizes) +
             " to " + toString(tensor->sizes));
  if (tensor->dtype != gradient->dtype)
    fail(Error::Kind::Runtime, "hook has changed the type of value: " +
                                   std::string(name(gradient->dtype)) + " to " +
                                   std::string(name(tensor->dtype)));
  return tensor;
}

Tensor PyHooks::call(const Tensor &gradient) {
  Tensor result = gradient;
  if (!functions)
    return result;
  auto callOne = [&](nb::handle function) {
    nb::object given = nb::cast(result);
    nb::object made = nb::steal(callPython(
        [&] { return PyObject_CallOneArg(function.ptr(), given.ptr()); }));
    if (!made.is_valid())
      throw nb::python_error();
    if (!made.is_none())
      result = replacement(made.ptr(), gradient);
  };
  // A hook may remove itself. The copy keeps what is called.
  auto all = nb::steal<nb::dict>(PyDict_Copy(functions));
  for (auto [key, function] : all)
    if (!nb::isinstance<nb::str>(key))
      callOne(function);
  if (nb::object last = nb::borrow(PyDict_GetItemString(all.ptr(), "retain"));
      last.is_valid())
    callOne(last);
  return result;
}

void addHooks(nb::module_ &m) {
  m.def("_hooks", [](const Tensor &tensor) {
    if (const Capture *capture = Capture::current();
        capture && !capture->madeInside(*tensor))
      Capture::refuseHere(
          "a hook on a tensor from outside cannot be registered "
          "inside of a captured function; do it before");
    Ref<GradientHooks> &hooks = hooksOf(tensor);
    if (!hooks)
      hooks = Ref<GradientHooks>(new PyHooks);
    return nb::borrow<nb::dict>(static_cast<PyHooks &>(*hooks).functions);
  });
  // callback: a list of gradients, None where there is none, to a list of as
  // many, or to None, which changes nothing.
  m.def(
      "_watch_gradients",
      [](const std::vector<Tensor> &tensors, nb::callable callback,
         bool views) {
        auto call = [callback](std::vector<Tensor> given) {
          nb::object list = nb::cast(given);
          nb::object changed = nb::steal(callPython(
              [&] { return PyObject_CallOneArg(callback.ptr(), list.ptr()); }));
          if (!changed.is_valid())
            throw nb::python_error();
          if (changed.is_none())
            return given;
          nb::list listed(changed);
          for (size_t i = 0; i < given.size(); ++i) {
            nb::handle each = listed[i];
            if (each.is_none())
              given[i] = {};
            else
              given[i] = given[i] ? replacement(each.ptr(), given[i])
                                  : nb::cast<Tensor>(each);
          }
          return given;
        };
        return watchGradients(tensors, call, views);
      },
      "tensors"_a, "callback"_a, "views"_a = false);
}

} // namespace stepwell::python
