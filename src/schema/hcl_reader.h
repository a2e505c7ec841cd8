// The reader of HCL 1 syntax, shared by the parser and the printer. Not for use outside the two.
#pragma once
#include "schema/hcl.h"

namespace strongroom::hcl {

std::unexpected<Error> bad(Position, std::string_view rule);
void put_code_point(std::string& out, std::uint32_t);
Result<Body> parse_json(std::string_view, const Limits&);

// One pass over one text, which must outlive it.
class Reader {
 public:
  enum class Keep : std::uint8_t { values, comments_too };
  Reader(std::string_view text, const Limits& limits, Keep keep)
      : text_(text), limits_(limits), keep_(keep == Keep::comments_too) {}
  Result<Body> whole();

 private:
  enum class Closing : std::uint8_t { end_of_text, brace };
  char peek(std::size_t ahead = 0) const noexcept;
  void step() noexcept;
  Status skip_space(std::vector<Comment>* comments);
  Result<std::string> comment();
  Result<std::string> trailing_comment();
  Status escape(std::string& out);
  Result<std::string> quoted();
  Result<std::string> heredoc();
  Result<std::string> number();
  Result<std::string> key(std::string* source);
  Status count(Position);
  Result<Body> items(Closing, unsigned depth);
  Result<Item> item(unsigned depth);
  Result<Value> value(unsigned depth);
  Status list(Value& into, unsigned depth);

  std::string_view text_;
  const Limits& limits_;
  bool keep_;
  std::size_t i_ = 0;
  Position at_{1, 1};
  std::size_t items_ = 0;
  bool blank_ = false;
  unsigned newlines_ = 0;
};

}  // namespace strongroom::hcl
