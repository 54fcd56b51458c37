// stdout is data, stderr is notes: tables for people, plain columns for pipes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace polybus::cli {

// What every command is told.
struct Globals {
  std::string bus;  // empty: POLYBUS_BUS, else "default"
  bool json = false;
  bool quiet = false;  // no notes
  bool no_header = false;
};

// Says something to the person at the terminal, on stderr: "bus-cli: ...".
void note(const Globals& globals, std::string_view text);
// One line of data. Throws Stop when nobody reads any more.
void print_line(std::string_view text);
void print_bytes(std::string_view bytes);
// Hands everything printed so far to the reader.
void flush_output();

bool stdout_is_terminal();
// On a terminal, and neither NO_COLOR nor TERM=dumb.
bool use_color();
std::string bold(std::string_view text);
std::string dim(std::string_view text);

// What a person reads, and what a program reads.
struct Cell {
  Cell(std::string both) : pretty(both), plain(std::move(both)) {}  // NOLINT(google-explicit-constructor)
  Cell(const char* both) : Cell(std::string(both)) {}               // NOLINT(google-explicit-constructor)
  Cell(std::string pretty, std::string plain) : pretty(std::move(pretty)), plain(std::move(plain)) {}
  std::string pretty, plain;
};

// On a terminal aligned columns under a header, else tab-separated columns without one.
class Table {
 public:
  // A column whose title starts with '>' is aligned to the right.
  explicit Table(std::vector<std::string> titles) : titles_(std::move(titles)) {}
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  void print(const Globals& globals) const;

 private:
  void print_aligned(bool header) const;
  std::vector<std::string> titles_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace polybus::cli
