// Messages as plain Python values: dict, list, bytes, str, int, float, bool, None.
#pragma once

#include "list.hpp"
#include "message.hpp"

namespace polybus_python {

// All NULL with a Python error set; BadMessageError if the message claims more elements than its bytes could carry.
PyObject* to_dict(const Message& message);
PyObject* to_list(const List& list);
// The JSON text of docs/json.md.
PyObject* to_json(const Message& message);

}  // namespace polybus_python
