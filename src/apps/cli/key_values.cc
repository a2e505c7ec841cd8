#include "apps/cli/key_values.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "schema/json.h"

namespace strongroom::apps::cli {
namespace {

constexpr std::string_view kWays =
    "Give KEY=VALUE, KEY=@FILE, KEY=- for standard input, @FILE.json or - for a whole JSON object";

}  // namespace

void KeyValues::add(std::string_view key, SecretText json) {
  const auto found =
      std::find_if(members_.begin(), members_.end(), [&](const Member& m) { return m.key == key; });
  if (found == members_.end()) {
    members_.push_back({std::string(key), std::move(json), 1});
    return;
  }
  found->json.append(",").append(json);
  ++found->count;
}

void KeyValues::drop(std::string_view key) {
  std::erase_if(members_, [&](const Member& m) { return m.key == key; });
}

void KeyValues::set(std::string_view key, SecretText json) {
  drop(key);
  add(key, std::move(json));
}

Status KeyValues::add_object(std::string_view source, std::string_view what) {
  const auto doc = json::Doc::parse(source);
  if (!doc) {
    std::string_view why = doc.error().message;
    if (why.starts_with("body: ")) why.remove_prefix(6);
    return fail(Code::invalid_argument, fmt::format("{}: {}", what, why));
  }
  if (!doc->root().is_object())
    return fail(Code::invalid_argument, fmt::format("{}: must hold a JSON object", what));
  for (const json::Node n : doc->root()) {
    const std::string_view text = n.source();
    set(n.key(), SecretText(text.begin(), text.end()));
  }
  return {};
}

Result<KeyValues> KeyValues::read(std::span<const std::string_view> arguments, Omitted omitted,
                                  Console& console) {
  KeyValues out;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view arg = arguments[i];
    if (arg == "-") {
      SR_LET(const SecretText text, console.read_input());
      SR_TRY(out.add_object(view(text), "standard input"));
      continue;
    }
    const auto equals = arg.find('=');
    if (arg.starts_with('@') && equals == std::string_view::npos) {
      const std::string path(arg.substr(1));
      SR_LET(const SecretText text, read_secret_file(path));
      SR_TRY(out.add_object(view(text), path));
      continue;
    }
    const std::string_view key = arg.substr(0, equals);
    SecretText value;
    value.reserve(64);  // on the heap, whose freeing wipes it
    if (equals == std::string_view::npos) {
      if (omitted == Omitted::refuse)
        return fail(
            Code::invalid_argument,
            fmt::format("invalid key/value pair (argument {} of the data): format must be key=value, as "
                        "there is no terminal to ask for a value that is left out. {}",
                        i + 1, kWays));
      SR_LET(value, console.ask_hidden(fmt::format("Value of {} (will be hidden): ", key)));
    } else {
      std::string_view text = arg.substr(equals + 1);
      if (key.empty())
        return fail(Code::invalid_argument,
                    fmt::format("invalid key/value pair (argument {} of the data): the key is missing. {}",
                                i + 1, kWays));
      if (text == "-") {
        SR_LET(value, console.read_input());
      } else if (text.starts_with('@')) {
        auto read = read_secret_file(std::string(text.substr(1)));
        if (!read)
          return fail(Code::invalid_argument,
                      fmt::format("invalid key/value pair \"{}=@...\": {}", key, read.error().message));
        value = *std::move(read);
      } else {
        if (text.starts_with("\\@")) text.remove_prefix(1);
        value.assign(text);
        out.typed_.emplace_back(key);
      }
    }
    if (!valid_utf8(view(value)) || !valid_utf8(key))
      return fail(
          Code::invalid_argument,
          fmt::format(
              "the value of argument {} is not UTF-8 text, which JSON cannot carry; encode it first, for "
              "example with base64",
              i + 1));
    SecretText quoted;
    quoted.reserve(64);  // on the heap, whose freeing wipes it
    json::append_quoted(quoted, view(value));
    wipe(value);
    out.add(key, std::move(quoted));
  }
  return out;
}

SecretText KeyValues::json() const {
  SecretText out;
  json::Writer w(out);
  w.begin_object();
  for (const Member& m : members_) {
    w.key(m.key);
    if (m.count == 1) {
      w.raw(view(m.json));
      continue;
    }
    SecretText array("[");
    array.append(m.json).append("]");
    w.raw(view(array));
  }
  w.end_object();
  return out;
}

}  // namespace strongroom::apps::cli
