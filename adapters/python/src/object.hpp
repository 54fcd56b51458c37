// How a C++ class becomes a Python object, in the stable ABI of Python 3.11: the class is the object's state, made by
// create<T>() and destroyed with it; type_of<T> is its Python type.
//
// Everything here runs with the GIL held unless it says otherwise. No type takes part in Python's cycle collector: by
// design none of them can be part of a cycle (views point at their memory, never back).
#pragma once

#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030B0000
#endif
#ifndef PY_SSIZE_T_CLEAN
#define PY_SSIZE_T_CLEAN
#endif
#include <Python.h>

#include <memory>
#include <new>
#include <utility>

namespace polybus_python {

// An owned reference.
class Ref {
 public:
  Ref() = default;
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref(const Ref& other) : object_(other.object_) { Py_XINCREF(object_); }
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() { Py_XDECREF(object_); }

  static Ref steal(PyObject* object) {
    Ref ref;
    ref.object_ = object;
    return ref;
  }
  static Ref borrow(PyObject* object) {
    Py_XINCREF(object);
    return steal(object);
  }

  PyObject* get() const { return object_; }
  PyObject* release() { return std::exchange(object_, nullptr); }
  PyObject* new_reference() const {
    Py_XINCREF(object_);
    return object_;
  }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  PyObject* object_ = nullptr;
};

template <class T>
struct Object {
  PyObject_HEAD T state;
};

// Made once, in module.cpp, and never freed: objects may live until the very end of the interpreter.
template <class T>
inline PyTypeObject* type_of = nullptr;

template <class T>
T& state(PyObject* object) {
  return reinterpret_cast<Object<T>*>(object)->state;
}

template <class T>
bool is_a(PyObject* object) {
  return Py_TYPE(object) == type_of<T>;
}

template <class T, class... Args>
PyObject* create(Args&&... args) {
  PyObject* object = PyType_GenericAlloc(type_of<T>, 0);
  if (object) new (&state<T>(object)) T{std::forward<Args>(args)...};
  return object;
}

template <class T>
void destroy(PyObject* object) {
  // A destructor may run Python code (a close hook) while an exception is on its way.
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyTypeObject* object_type = Py_TYPE(object);
  state<T>(object).~T();
  PyObject_Free(object);
  Py_DECREF(reinterpret_cast<PyObject*>(object_type));
  PyErr_Restore(type, value, traceback);
}

// Functions of every signature as the one that PyMethodDef and PyType_Slot want.
template <class F>
PyCFunction method(F* function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}
template <class F>
void* slot(F* function) {
  return reinterpret_cast<void*>(function);
}

inline PyObject* none() {
  Py_INCREF(Py_None);
  return Py_None;
}

// Steals `value`. false with a Python error set.
inline bool append_stolen(PyObject* list, PyObject* value) {
  if (!value) return false;
  int failed = PyList_Append(list, value);
  Py_DECREF(value);
  return !failed;
}

// A helper of the package's Python part: `name` of polybus.`module`, imported at first use.
PyObject* python_helper(const char* module, const char* name);

}  // namespace polybus_python
