#include "tools/bus-cli/output.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tools/bus-cli/exit_code.hpp"

namespace polybus::cli {
namespace {

// Columns a text takes: UTF-8 continuation bytes take none.
size_t width_of(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string padded(const std::string& text, size_t width, bool right, bool last) {
  const std::string space(width - std::min(width, width_of(text)), ' ');
  return right ? space + text : last ? text : text + space;
}

void check_output(bool written) {
  if (written) return;
  // The reader went away (`| head`): no error, and nothing more to do.
  if (errno == EPIPE) throw Stop(Exit::done, "");
  throw Stop(Exit::condition_false, std::string("cannot write to standard output: ") + std::strerror(errno));
}

}  // namespace

void note(const Globals& globals, std::string_view text) {
  if (globals.quiet) return;
  flush_output();
  std::fprintf(stderr, "bus-cli: %.*s\n", static_cast<int>(text.size()), text.data());
}

void print_line(std::string_view text) {
  print_bytes(text);
  check_output(std::fputc('\n', stdout) != EOF);
}

void print_bytes(std::string_view bytes) {
  check_output(std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size());
}

void flush_output() { check_output(std::fflush(stdout) == 0); }

bool stdout_is_terminal() {
  static const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  return terminal;
}

bool use_color() {
  static const bool color = [] {
    const char* off = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    return stdout_is_terminal() && (off == nullptr || *off == '\0') &&
           (terminal == nullptr || std::string_view(terminal) != "dumb");
  }();
  return color;
}

std::string bold(std::string_view text) {
  return use_color() ? "\x1b[1m" + std::string(text) + "\x1b[0m" : std::string(text);
}

std::string dim(std::string_view text) {
  return use_color() ? "\x1b[2m" + std::string(text) + "\x1b[0m" : std::string(text);
}

void Table::print(const Globals& globals) const {
  if (stdout_is_terminal()) {
    print_aligned(!globals.no_header);
    return;
  }
  for (const auto& row : rows_) {
    std::string line;
    for (const Cell& cell : row) {
      if (&cell != &row.front()) line += '\t';
      line += cell.plain;
    }
    print_line(line);
  }
}

void Table::print_aligned(bool header) const {
  std::vector<size_t> widths;
  for (size_t column = 0; column < titles_.size(); ++column) {
    size_t width = header ? titles_[column].size() - (titles_[column].starts_with('>') ? 1 : 0) : 0;
    for (const auto& row : rows_) width = std::max(width, width_of(row[column].pretty));
    widths.push_back(width);
  }
  const auto line = [&](auto&& text_of) {
    std::string out;
    for (size_t column = 0; column < titles_.size(); ++column) {
      if (column != 0) out += "  ";
      const bool last = column + 1 == titles_.size();
      out += padded(text_of(column), widths[column], titles_[column].starts_with('>'), last);
    }
    return out;
  };
  if (header && !rows_.empty()) {
    print_line(bold(line([&](size_t column) {
      return titles_[column].starts_with('>') ? titles_[column].substr(1) : titles_[column];
    })));
  }
  for (const auto& row : rows_) {
    print_line(line([&](size_t column) { return row[column].pretty; }));
  }
}

}  // namespace polybus::cli
