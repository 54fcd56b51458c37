#include "tools/bus-cli/arguments.hpp"

#include <CLI/App.hpp>
#include <CLI/CLI.hpp>
#include <functional>

#include "tools/bus-cli/chaos/sabotage.hpp"
#include "tools/bus-cli/commands.hpp"
#include "tools/bus-cli/suggestion.hpp"

namespace polybus::cli {
namespace {

// Everything that may be filled in. One command runs per process, so all options simply lie side by side.
struct Arguments {
  Globals globals;
  ListOptions list;
  TopicOptions info, type;
  FindOptions find;
  TopicOptions schema_list;
  SchemaOptions schema;
  EchoOptions echo;
  PubOptions pub;
  std::string pub_value;
  RateOptions hz, bw;
  DelayOptions delay;
  NodeOptions node_list, node_info;
  GraphOptions graph;
  GenOptions gen;
  DaemonOptions daemon;
  ChaosOptions chaos;
  std::function<Exit()> run;
};

constexpr const char* kPattern = "topic, or a pattern: * is any part of one segment, ** anything";

CLI::Validator positive() {
  return {[](std::string& text) {
            double number = 0;
            const bool is_positive = CLI::detail::lexical_cast(text, number) && number > 0;
            return is_positive ? std::string() : "expected a number above 0, got " + text;
          },
          "POSITIVE"};
}

CLI::App* add_command(CLI::App& app, Arguments& arguments, const std::string& name, const std::string& help,
                      std::function<Exit()> run) {
  CLI::App* command = app.add_subcommand(name, help);
  command->fallthrough();  // global options may follow the command
  command->callback([&arguments, run = std::move(run)] { arguments.run = run; });
  return command;
}

void add_list(CLI::App& app, Arguments& a) {
  CLI::App* command = add_command(app, a, "list", "topics: type, publishers, subscribers, rate, bandwidth, drops",
                                  [&a] { return run_list(a.globals, a.list); });
  command->add_option("GLOB", a.list.pattern, kPattern);
  command->add_option("--sort", a.list.sort, "name, hz, bw or drops")
      ->check(CLI::IsMember({"name", "hz", "bw", "drops"}));
  command->add_flag("--all", a.list.hidden, "also hidden topics, whose first segment starts with _");
  command->add_flag("-c,--count", a.list.count, "only how many");
}

void add_topic_commands(CLI::App& app, Arguments& a) {
  CLI::App* info = add_command(app, a, "info", "a topic's ends: process, language, queue, lag, drops, memory",
                               [&a] { return run_info(a.globals, a.info); });
  info->add_option("TOPIC", a.info.pattern, kPattern)->required();
  CLI::App* type =
      add_command(app, a, "type", "a topic's type and its fingerprint", [&a] { return run_type(a.globals, a.type); });
  type->add_option("TOPIC", a.type.pattern, kPattern)->required();
  CLI::App* find = add_command(app, a, "find", "topics of a type", [&a] { return run_find(a.globals, a.find); });
  find->add_option("TYPE", a.find.type, "Imu, imu.capnp:Imu, or a pattern of either")->required();
}

void add_schema(CLI::App& app, Arguments& a) {
  constexpr const char* kReference = "TOPIC, TOPIC@VERSION or FILE:Type";
  CLI::App* schema = app.add_subcommand("schema", "what the messages of topics look like, and whether that fits");
  schema->require_subcommand(1);
  schema->fallthrough();
  CLI::App* list =
      add_command(*schema, a, "list", "the schemas of topics: each that their programs have, with its number",
                  [&a] { return run_schema_list(a.globals, a.schema_list); });
  list->add_option("GLOB", a.schema_list.pattern, kPattern);
  CLI::App* show = add_command(*schema, a, "show", "a schema as a .capnp file, which compiles to the same fingerprint",
                               [&a] { return run_schema_show(a.globals, a.schema); });
  show->add_option("SCHEMA", a.schema.first, kReference)->required();
  CLI::App* diff = add_command(*schema, a, "diff", "what two schemas differ in (exit 5 if they do not fit)",
                               [&a] { return run_schema_diff(a.globals, a.schema); });
  diff->add_option("HERE", a.schema.first, kReference)->required();
  diff->add_option("THERE", a.schema.second, kReference)->required();
  CLI::App* check = add_command(*schema, a, "check", "would a program with this schema be let in? (exit 5 if not)",
                                [&a] { return run_schema_check(a.globals, a.schema); });
  check->add_option("SCHEMA", a.schema.first, kReference)->required();
  check->add_option("--against", a.schema.against, "the topic, with all schemas in use on it")->required();
  CLI::App* exported = add_command(*schema, a, "export", "a schema for other tools",
                                   [&a] { return run_schema_export(a.globals, a.schema); });
  exported->add_option("SCHEMA", a.schema.first, kReference)->required();
  exported->add_option("-o,--output", a.schema.file, "file to write (default: standard output)");
  exported
      ->add_option("--format", a.schema.format, "bundle: a CodeGeneratorRequest, as MCAP has it; capnp: a source file")
      ->check(CLI::IsMember({"bundle", "capnp"}))
      ->capture_default_str();
}

void add_echo(CLI::App& app, Arguments& a) {
  CLI::App* command = add_command(app, a, "echo", "messages as they come, decoded by the schema in the registry",
                                  [&a] { return run_echo(a.globals, a.echo); });
  command->add_option("TOPIC", a.echo.pattern, kPattern)->required();
  command->add_option("-n,--count", a.echo.count, "stop after so many")->check(positive());
  command->add_flag_callback(
      "--once", [&a] { a.echo.count = 1; }, "stop after one; the same as -n 1");
  command->add_flag("--latest", a.echo.latest, "only the newest message, and stop");
  command->add_option("--field", a.echo.fields, "show this only, e.g. pose.accel[2]; may be given several times")
      ->expected(1)
      ->take_all();
  command->add_option("--where", a.echo.where,
                      "show messages only where this holds, e.g. 'level == \"warn\" and value > 0.5'");
  command->add_option("--timeout", a.echo.timeout,
                      "give up after so long without a message (exit 4 if one was missing): 5s, 200ms");
  command->add_flag("--raw", a.echo.raw, "the messages' bytes as they are");
}

void add_pub(CLI::App& app, Arguments& a) {
  CLI::App* command = add_command(app, a, "pub", "publish messages from JSON; on untyped topics the argument's bytes",
                                  [&a] { return run_pub(a.globals, a.pub); });
  command->add_option("TOPIC", a.pub.topic, "topic")->required();
  command->add_option_function<std::string>(
      "VALUE", [&a](const std::string& value) { a.pub.value = value; }, "the message, e.g. '{\"level\":\"warn\"}'");
  command->add_flag("--stdin", a.pub.from_stdin, "one message per line of standard input; lines of `echo --json` too");
  command->add_option("--file", a.pub.file, "the message is in this file: JSON, bytes, or what `echo --raw` wrote");
  command->add_option("--schema", a.pub.schema, "FILE:Type, for a topic that is not there yet");
  command->add_option("-r,--rate", a.pub.rate, "messages per second; repeats VALUE until -n or Ctrl-C")
      ->check(positive());
  command->add_option("-n,--count", a.pub.count, "stop after so many")->check(positive());
  command->add_option("--history", a.pub.history, "keep the newest so many values for those who come later")
      ->check(CLI::Range(0, 64));
  command->add_option("--wait-subs", a.pub.wait_subscribers, "first wait for so many subscribers");
  command->add_option("--timeout", a.pub.timeout, "how long --wait-subs may take (exit 4): 5s");
}

void add_rates(CLI::App& app, Arguments& a) {
  const auto add = [&](const char* name, const char* help, RateOptions& options, auto run, const char* example) {
    CLI::App* command = add_command(app, a, name, help, [&a, &options, run] { return run(a.globals, options); });
    command->add_option("TOPIC", options.pattern, kPattern)->required();
    command->add_option("--expect", options.expect, std::string("exit 1 if it is not about so much: ") + example);
    command->add_option("--tolerance", options.tolerance, "how far from --expect is still right")
        ->capture_default_str();
  };
  add("hz", "messages per second over the last 1 to 2 s, from counters in shared memory", a.hz, run_hz, "30");
  add("bw", "bytes per second over the last 1 to 2 s, from counters in shared memory", a.bw, run_bw, "5MB");
  CLI::App* delay = add_command(app, a, "delay", "from publish to take, from histograms in shared memory",
                                [&a] { return run_delay(a.globals, a.delay); });
  delay->add_option("TOPIC", a.delay.pattern, kPattern)->required();
  delay->add_option("--window", a.delay.window, "how long to look")->capture_default_str();
  delay->add_option("--expect", a.delay.expect, "exit 1 if the 99th percentile is above: 200us");
  delay->add_option("--tolerance", a.delay.tolerance, "how far above --expect is still right")->capture_default_str();
}

void add_node(CLI::App& app, Arguments& a) {
  CLI::App* node = app.add_subcommand("node", "participants of the bus");
  node->require_subcommand(1);
  node->fallthrough();
  CLI::App* list = add_command(*node, a, "list", "all nodes: process, language, number of ends",
                               [&a] { return run_node_list(a.globals, a.node_list); });
  list->add_option("GLOB", a.node_list.pattern, "name, pattern or pid");
  CLI::App* info = add_command(*node, a, "info", "what a node publishes and subscribes to",
                               [&a] { return run_node_info(a.globals, a.node_info); });
  info->add_option("NODE", a.node_info.pattern, "name, pattern or pid")->required();
}

void add_bus_commands(CLI::App& app, Arguments& a) {
  CLI::App* graph =
      add_command(app, a, "graph", "who publishes what to whom", [&a] { return run_graph(a.globals, a.graph); });
  graph->add_option("--format", a.graph.format, "text, dot, mermaid or json")
      ->check(CLI::IsMember({"text", "dot", "mermaid", "json"}))
      ->capture_default_str();
  graph->add_flag("--all", a.graph.hidden, "also hidden topics");
  add_command(app, a, "limits", "bounds, and how much of them is used", [&a] { return run_limits(a.globals); });

  CLI::App* daemon = app.add_subcommand("daemon", "the registry's process, busd");
  daemon->require_subcommand(1);
  daemon->fallthrough();
  CLI::App* start = add_command(*daemon, a, "start", "start it, if it does not run; it then stays until it is stopped",
                                [&a] { return run_daemon_start(a.globals, a.daemon); });
  CLI::App* stop =
      add_command(*daemon, a, "stop", "end it in good order", [&a] { return run_daemon_stop(a.globals, a.daemon); });
  for (CLI::App* command : {start, stop}) {
    command->add_option("--timeout", a.daemon.timeout, "how long that may take (exit 4)")->capture_default_str();
  }
  add_command(*daemon, a, "status", "whether it runs (exit 6 if not)", [&a] { return run_daemon_status(a.globals); });
}

void add_chaos(CLI::App& app, Arguments& a) {
  CLI::App* command = add_command(
      app, a, "chaos", "kill and stop programs, on a bus of its own unless --bus, and prove that nobody else is harmed",
      [&a] { return run_chaos(a.globals, a.chaos); });
  command->add_option("--kills", a.chaos.kills, "how many processes to kill, busd among them")->capture_default_str();
  command->add_option_function<uint64_t>(
      "--seed", [&a](uint64_t seed) { a.chaos.seed = seed; }, "of the order of events; default: another one each time");
  command->add_option("--for", a.chaos.duration, "go on for so long, also after the last kill: 30m");
  command->add_option("--bound", a.chaos.bound, "who makes no progress for so long hangs")->capture_default_str();
  command->add_option("--python", a.chaos.python, "the Python that has the package")->capture_default_str();
  command->add_option("--node", a.chaos.node, "the Node.js to use")->capture_default_str();
  command->add_option("--sabotage", a.chaos.sabotage, "")
      ->group("")
      ->check(CLI::IsMember(std::vector<std::string>(chaos::kSabotages.begin(), chaos::kSabotages.end())));
  command->add_option("--sabotaged", a.chaos.sabotaged, "")->group("")->check(CLI::IsMember({"c++", "python", "node"}));
}

void add_gen(CLI::App& app, Arguments& a) {
  CLI::App* command = add_command(app, a, "gen", "types of a .capnp file for mypy, tsc and editors",
                                  [&a] { return run_gen(a.globals, a.gen); });
  command->add_option("LANGUAGE", a.gen.language, "python (a .pyi) or typescript (a .d.ts)")
      ->check(CLI::IsMember({"python", "typescript"}))
      ->required();
  command->add_option("FILE", a.gen.file, "the .capnp file")->required();
  command->add_option("-o,--output", a.gen.output, "where to write it instead of beside FILE; -: standard output");
  command->add_option("-I,--import-path", a.gen.import_paths, "where imports are looked up, after FILE's own folder")
      ->expected(1)
      ->take_all();
}

void add_globals(CLI::App& app, Globals& globals) {
  app.add_flag("--json", globals.json, "one JSON object per line");
  app.add_option("--bus", globals.bus, "name of the bus (default: POLYBUS_BUS, else \"default\")");
  app.add_flag("-q,--quiet", globals.quiet, "no notes on standard error");
  app.add_flag("--no-header", globals.no_header, "no titles above tables");
}

[[noreturn]] void throw_unknown_command(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  const std::string near = suggestion(word, names);
  throw Stop(Exit::usage, "there is no command \"" + word + "\"" + (near.empty() ? "; see bus-cli --help" : near));
}

}  // namespace

Exit run_command_line(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Look at a Polybus bus and take part in it.", "bus-cli");
  app.set_version_flag("--version", POLYBUS_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Standard output is data, standard error is notes. Exit codes: 0 done, 1 condition false, 2 usage, 3 not found,\n"
      "4 timeout, 5 schema mismatch, 6 bus unreachable, 7 permission, 8 out of resources, 9 corrupt, 130/143 "
      "interrupted.");
  add_globals(app, arguments.globals);
  add_list(app, arguments);
  add_topic_commands(app, arguments);
  add_schema(app, arguments);
  add_echo(app, arguments);
  add_pub(app, arguments);
  add_rates(app, arguments);
  add_node(app, arguments);
  add_bus_commands(app, arguments);
  add_chaos(app, arguments);
  add_gen(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (const auto rest = app.remaining(); error.get_exit_code() != 0 && app.get_subcommands().empty() && !rest.empty())
      throw_unknown_command(app, rest[0]);
    return app.exit(error) == 0 ? Exit::done : Exit::usage;
  }
  return arguments.run();
}

}  // namespace polybus::cli
