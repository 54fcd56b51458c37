// What a process remembers of the schemas on a bus.
#include "discovery/client/schema_cache.hpp"

#include <gtest/gtest.h>

#include "tests/unit/message/fixtures.hpp"

namespace polybus::discovery {
namespace {

// A schema as busd sends it, with its definition.
SchemaInfo told(const Schema& schema) {
  const auto bundle = schema.bundle();
  return {schema.fingerprint(), schema.type_name(),
          std::make_shared<const std::vector<std::byte>>(bundle.begin(), bundle.end())};
}
SchemaInfo named(const Schema& schema) { return {schema.fingerprint(), schema.type_name(), nullptr}; }

std::vector<Schema> schemas(size_t count) {
  std::string text = "@0xd2a1f6a1f3c9b7e5;\n";
  for (size_t i = 0; i < count; ++i) text += "struct Type" + std::to_string(i) + " { value @0 :Int32; }\n";
  test::Folder folder;
  const auto file = Schema::parse_file(folder.write("many.capnp", text));
  std::vector<Schema> found;
  for (const auto& name : file.names()) found.push_back(file.at(name));
  return found;
}

TEST(SchemaCaches, remember_the_1024_schemas_told_last) {
  SchemaCache cache;
  const auto all = schemas(SchemaCache::kMax + 2);
  cache.info(all[0]);
  for (size_t i = 1; i < SchemaCache::kMax; ++i) ASSERT_NE(cache.find(told(all[i])), nullptr);
  EXPECT_EQ(cache.size(), SchemaCache::kMax);
  ASSERT_NE(cache.find(told(all[0])), nullptr);  // told again, as by a new busd: from now on it is taken for known
  const auto held = cache.find(named(all[1]));

  cache.find(told(all[SchemaCache::kMax]));
  cache.info(all[SchemaCache::kMax + 1]);
  EXPECT_EQ(cache.size(), SchemaCache::kMax);
  EXPECT_NE(cache.find(named(all[0])), nullptr);
  EXPECT_EQ(cache.find(named(all[1])), nullptr);
  EXPECT_EQ(cache.find(named(all[2])), nullptr);
  EXPECT_NE(cache.find(named(all[3])), nullptr);
  EXPECT_EQ(held->fingerprint(), all[1].fingerprint());

  ASSERT_NE(cache.find(told(all[1])), nullptr);
  EXPECT_NE(cache.find(named(all[1])), nullptr);
}

TEST(SchemaCaches, keep_of_a_definition_with_another_fingerprint_only_that_it_is_broken) {
  SchemaCache cache;
  const auto all = schemas(2);
  auto wrong = told(all[0]);
  wrong.bundle = told(all[1]).bundle;
  EXPECT_EQ(cache.find(wrong), nullptr);
  EXPECT_EQ(cache.find(named(all[0])), nullptr);
  EXPECT_NE(cache.find(told(all[0])), nullptr);  // told rightly after all
}

}  // namespace
}  // namespace polybus::discovery
