#include "bus/message/source_file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <optional>
#include <polybus/error.hpp>

namespace polybus::bus {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kSourceBytesMax = 4u << 20;
// Cap'n Proto's parser recurses; deeper than any schema people write, and far from the end of any stack.
constexpr int kBracketDepthMax = 200;

[[noreturn]] void throw_io(const fs::path& path, const std::string& why) {
  throw Error(Code::io, "cannot read the schema file " + path.string() + ": " + why);
}

std::string read_whole(const fs::path& path) {
  std::error_code error;
  auto status = fs::status(path, error);
  if (!fs::exists(status)) throw_io(path, "no such file");
  if (fs::is_directory(status)) throw_io(path, "it is a folder");
  std::ifstream file(path, std::ios::binary);
  if (!file) throw_io(path, std::strerror(errno));
  std::string content;
  char part[1 << 14];
  while (file.read(part, sizeof part) || file.gcount() > 0) {
    content.append(part, static_cast<size_t>(file.gcount()));
    if (content.size() > kSourceBytesMax) {
      throw_io(path, "it is larger than " + std::to_string(kSourceBytesMax >> 20) + " MiB");
    }
  }
  return content;
}

// Where brackets (outside of comments and strings) nest too deeply, if they do.
std::optional<capnp::SchemaFile::SourcePos> too_deep(const std::string& text) {
  int depth = 0;
  unsigned line = 0, line_begin = 0;
  for (unsigned i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '#') {
      while (i + 1 < text.size() && text[i + 1] != '\n') ++i;
    } else if (c == '"') {
      while (++i < text.size() && text[i] != '"' && text[i] != '\n') i += text[i] == '\\';
      if (i < text.size() && text[i] == '\n') --i;  // not closed; the parser says so
    } else if (c == '\n') {
      ++line, line_begin = i + 1;
    } else if (c == '(' || c == '[' || c == '{') {
      if (++depth > kBracketDepthMax) return capnp::SchemaFile::SourcePos{i, line, i - line_begin};
    } else if (c == ')' || c == ']' || c == '}') {
      --depth;
    }
  }
  return std::nullopt;
}

}  // namespace

SourceFile::SourceFile(std::shared_ptr<ParseRun> run, fs::path path)
    : run_(std::move(run)), path_(std::move(path)), content_(read_whole(path_)) {
  std::error_code error;
  identity_ = fs::weakly_canonical(path_, error);
  if (error) identity_ = fs::absolute(path_);
  display_name_ = kj::heapString(path_.filename().string().c_str());
}

kj::Array<const char> SourceFile::readContent() const {
  bool embedded = path_.extension() != ".capnp";
  if (auto where = embedded ? std::nullopt : too_deep(content_)) {
    reportError(*where, *where, "brackets are nested too deeply");
    return kj::heapArray<const char>(content_.data(), where->byte);
  }
  return kj::heapArray<const char>(content_.data(), content_.size());
}

kj::Maybe<kj::Own<capnp::SchemaFile>> SourceFile::import(kj::StringPtr target) const {
  // "/capnp/c++.capnp" means "below one of the import paths", "pose.capnp" "beside me, or there".
  fs::path wanted(target.cStr());
  std::vector<fs::path> folders;
  if (wanted.is_absolute()) {
    wanted = wanted.relative_path();
  } else {
    folders.push_back(path_.parent_path());
  }
  folders.insert(folders.end(), run_->import_paths.begin(), run_->import_paths.end());
  for (const auto& folder : folders) {
    std::error_code error;
    fs::path candidate = folder / wanted;
    if (!fs::is_regular_file(candidate, error)) continue;
    return kj::Own<capnp::SchemaFile>(kj::heap<SourceFile>(run_, candidate));
  }
  return nullptr;  // the parser reports it where the import stands
}

bool SourceFile::operator==(const capnp::SchemaFile& other) const {
  return identity_ == static_cast<const SourceFile&>(other).identity_;
}

size_t SourceFile::hashCode() const { return std::hash<std::string>()(identity_.native()); }

void SourceFile::reportError(SourcePos start, SourcePos, kj::StringPtr message) const {
  run_->mistakes.push_back(path_.string() + ":" + std::to_string(start.line + 1) + ":" +
                           std::to_string(start.column + 1) + ": " + message.cStr());
}

}  // namespace polybus::bus
