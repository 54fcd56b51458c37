// Regions: one named current value.
#pragma once

#include "node.hpp"

namespace polybus_python {

struct RegionHandle {
  ~RegionHandle();
  polybus_region* region = nullptr;
  NodeHandlePtr node;
};

// polybus.Region
struct Region final : End {
  Region(NodeLinkPtr node, std::shared_ptr<RegionHandle> opened, Ref label, size_t bytes);
  ~Region();
  void close() override { handle.reset(); }
  bool check_open() const;

  NodeLinkPtr link;
  std::shared_ptr<RegionHandle> handle;  // NULL once closed
  Ref name;
  size_t size;
};

PyObject* open_region(const NodeLinkPtr& link, PyObject* args, PyObject* kwargs);
bool add_region_types(PyObject* module);

}  // namespace polybus_python
