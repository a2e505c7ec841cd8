#include "schema/field.h"

#include <gtest/gtest.h>

namespace strongroom::schema {
namespace {

struct Whole {
  std::string path;
  RawJson body;
  static constexpr auto fields() {
    return std::array{field<&Whole::path>("path", "Where.", in_path | required),
                      field<&Whole::body>("data", "All of it.", whole_body)};
  }
};

TEST(Fields, AWholeBodyIsTakenAsItIsAndHasNoUnknownMembers) {
  const auto doc = json::Doc::parse(R"({"path":"mine", "data":{"n":1.10}, "other":1})");
  ASSERT_TRUE(doc);
  Input in;
  in.body = doc->root();
  in.path.emplace_back("path", "a/b");
  Whole got;
  ASSERT_TRUE(load_input(fields_of<Whole>(), in, &got));
  EXPECT_EQ(got.path, "a/b");
  EXPECT_EQ(got.body.node.source(), R"({"path":"mine", "data":{"n":1.10}, "other":1})");
  EXPECT_TRUE(unknown_names(fields_of<Whole>(), in).empty());
}

TEST(Fields, AWholeBodyThatIsMissingIsNotPresent) {
  Input in;
  in.path.emplace_back("path", "a");
  Whole got;
  ASSERT_TRUE(load_input(fields_of<Whole>(), in, &got));
  EXPECT_FALSE(got.body.present());
}

}  // namespace
}  // namespace strongroom::schema
