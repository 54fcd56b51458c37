// worker.py and worker.cjs as they are in the source folder: part of the program, so that it needs no files beside it.
#pragma once

#include <string_view>

namespace polybus::cli::chaos {

extern const std::string_view kPythonWorker;
extern const std::string_view kNodeWorker;

}  // namespace polybus::cli::chaos
