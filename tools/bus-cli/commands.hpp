// What bus-cli can do: one function per command, each in a file of its own. Options are filled in by arguments.cpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/bus-cli/exit_code.hpp"
#include "tools/bus-cli/output.hpp"

namespace polybus::cli {

struct ListOptions {
  std::string pattern;
  std::string sort = "name";  // name hz bw drops
  bool hidden = false;
  bool count = false;
};
Exit run_list(const Globals& globals, const ListOptions& options);

struct TopicOptions {
  std::string pattern;
};
Exit run_info(const Globals& globals, const TopicOptions& options);
Exit run_type(const Globals& globals, const TopicOptions& options);

struct FindOptions {
  std::string type;  // or a pattern
};
Exit run_find(const Globals& globals, const FindOptions& options);

struct SchemaOptions {
  std::string first, second;      // TOPIC, TOPIC@VERSION or FILE:Type
  std::string against;            // a topic
  std::string file;               // empty: standard output
  std::string format = "bundle";  // bundle capnp
};
Exit run_schema_list(const Globals& globals, const TopicOptions& options);
Exit run_schema_show(const Globals& globals, const SchemaOptions& options);
Exit run_schema_diff(const Globals& globals, const SchemaOptions& options);
Exit run_schema_check(const Globals& globals, const SchemaOptions& options);
Exit run_schema_export(const Globals& globals, const SchemaOptions& options);

struct EchoOptions {
  std::string pattern;
  uint64_t count = 0;  // 0: no end
  std::vector<std::string> fields;
  std::string where;
  bool latest = false;
  bool raw = false;
  std::string timeout;  // empty: none
};
Exit run_echo(const Globals& globals, const EchoOptions& options);

struct PubOptions {
  std::string topic;
  std::optional<std::string> value;
  bool from_stdin = false;
  std::string file;
  std::string schema;  // FILE:Type
  double rate = 0;
  uint64_t count = 0;
  uint32_t history = 0;
  uint32_t wait_subscribers = 0;
  std::string timeout;  // of --wait-subs
};
Exit run_pub(const Globals& globals, const PubOptions& options);

struct RateOptions {
  std::string pattern;
  std::string expect, tolerance = "10%";
};
Exit run_hz(const Globals& globals, const RateOptions& options);
Exit run_bw(const Globals& globals, const RateOptions& options);

struct DelayOptions {
  std::string pattern;
  std::string window = "1s";
  std::string expect, tolerance = "0%";
};
Exit run_delay(const Globals& globals, const DelayOptions& options);

struct NodeOptions {
  std::string pattern;
};
Exit run_node_list(const Globals& globals, const NodeOptions& options);
Exit run_node_info(const Globals& globals, const NodeOptions& options);

struct GraphOptions {
  std::string format = "text";  // text dot mermaid json
  bool hidden = false;
};
Exit run_graph(const Globals& globals, const GraphOptions& options);

Exit run_limits(const Globals& globals);

struct GenOptions {
  std::string language;  // python typescript
  std::string file;
  std::string output;  // empty: beside the file; "-": standard output
  std::vector<std::string> import_paths;
};
Exit run_gen(const Globals& globals, const GenOptions& options);

struct DaemonOptions {
  std::string timeout = "5s";
};
Exit run_daemon_start(const Globals& globals, const DaemonOptions& options);
Exit run_daemon_stop(const Globals& globals, const DaemonOptions& options);
Exit run_daemon_status(const Globals& globals);

struct ChaosOptions {
  uint64_t kills = 200;
  std::optional<uint64_t> seed;  // none: one is drawn
  std::string bound = "10s";
  std::string python = "python3", node = "node";
  std::string duration = "0s";  // of the storm, at least
  std::string sabotage, sabotaged = "c++";
};
Exit run_chaos(const Globals& globals, const ChaosOptions& options);

}  // namespace polybus::cli
