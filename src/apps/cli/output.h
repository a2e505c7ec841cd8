// What commands print, in the shapes that scripts for Vault parse: tables with Key and Value, JSON indented
// by two spaces, YAML. Pure functions from JSON to text; numbers keep their source bytes.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "schema/json.h"

namespace strongroom::apps::cli {

enum class Format : std::uint8_t { table, json, yaml, raw };
std::optional<Format> parse_format(std::string_view);

// Columns wide enough for their longest cell, four spaces apart; an empty cell is "n/a".
class Table {
 public:
  explicit Table(std::initializer_list<std::string_view> header);  // underlined with dashes
  explicit Table(const std::vector<std::string_view>& header);
  Table() = default;  // columns without a header
  void add(std::initializer_list<std::string_view> cells);
  void add(const std::vector<SecretText>& cells);
  bool empty() const noexcept { return rows_.size() <= 2; }
  SecretText text() const;  // ends with a line break

 private:
  std::vector<std::vector<SecretText>> rows_;
};

// A reply's limits: the server is trusted with sizes, not with depth.
json::Limits reply_limits();
std::vector<json::Node> sorted(json::Node object);  // members by name
void append_sorted(json::Writer&, json::Node);      // members of every object by name, compact

SecretText indented(json::Node);  // as it is ordered, no line break at the end
SecretText indented_text(std::string_view json);
SecretText yaml_text(std::string_view json);  // ends with a line break

SecretText go_text(json::Node);                    // as Go's %v prints it: map[a:b], [x y], <nil>
std::string human_duration(std::int64_t seconds);  // 1h, 1h30m, 30s
bool is_duration_name(std::string_view key) noexcept;

// The envelope of a reply as the client library of Vault shows it: known members in their order, data sorted.
SecretText secret_json(json::Node body);
SecretText secret_table(json::Node body);  // lease, token, wrapping and data rows
// What a reply answers: its "data"; of a body without the members of an envelope (sys/health) all of it.
json::Node answer_of(json::Node body);
SecretText data_table(json::Node data);      // Key, Value
std::string warnings_text(json::Node body);  // empty: none
std::optional<SecretText> secret_field(json::Node body, std::string_view name, Format);
SecretText value_text(json::Node, Format);

// One member of a reply as the client library of Vault shows it, whether the server sent it or not.
struct Shape {
  std::string_view name;
  enum Kind : std::uint8_t { text, number, truth, list } kind = text;
  enum When : std::uint8_t { always, present } when = always;  // present: left out when empty
};
SecretText shaped(json::Node object, std::span<const Shape>);

// Words on lines of at most 78 characters.
std::string wrapped_lines(std::string_view text);

std::string heading(std::string_view title, std::size_t width);  // "== Data =="
std::size_t table_width(json::Node data);                        // as heading() wants it

}  // namespace strongroom::apps::cli
