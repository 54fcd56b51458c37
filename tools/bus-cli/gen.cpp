#include "tools/bus-cli/gen.hpp"

#include <filesystem>
#include <fstream>

#include "tools/bus-cli/commands.hpp"

namespace polybus::cli {

Exit run_gen(const Globals& globals, const GenOptions& options) {
  const GenModel model(options.file, options.import_paths);
  const bool is_python = options.language == "python";
  const std::string text = is_python ? python_stub(model) : typescript_declarations(model);
  if (options.output == "-") {
    print_line(text.substr(0, text.size() - 1));
    return Exit::done;
  }
  std::filesystem::path to = options.output;
  if (to.empty()) {
    to =
        std::filesystem::path(options.file).parent_path() / (model.stem() + (is_python ? "_capnp.pyi" : ".capnp.d.ts"));
  }
  std::ofstream file(to, std::ios::binary | std::ios::trunc);
  if (!(file << text << std::flush)) throw Stop(Exit::condition_false, "cannot write " + to.string());
  note(globals, "wrote " + to.string());
  return Exit::done;
}

}  // namespace polybus::cli
