// sys/config/cors and sys/config/ui/headers: what browsers may do, and what a web interface would be served
// with. Vault API: sys/config/cors, sys/config/ui/headers.
#pragma once
#include "engine/engine.h"

namespace strongroom::system::sys {

class BrowserSettings final : public engine::Engine {
 public:
  std::string_view type() const noexcept override { return "system"; }
  std::span<const engine::Route> routes(const engine::MountView&) const override;

  struct Rules;
  struct RulesWrite;
  Result<Rules> read_cors(engine::Prompt&, const schema::Empty&) const;
  Result<schema::Empty> write_cors(engine::Prompt&, const RulesWrite&) const;
  Result<schema::Empty> erase_cors(engine::Prompt&, const schema::Empty&) const;

  struct Header;
  struct HeaderQuery;
  struct HeaderWrite;
  struct HeaderJson;
  struct Names;
  Result<std::optional<Names>> list_headers(engine::Prompt&, const schema::Empty&) const;
  Result<std::optional<HeaderJson>> read_header(engine::Prompt&, const HeaderQuery&) const;
  Result<schema::Empty> write_header(engine::Prompt&, const HeaderWrite&) const;
  Result<schema::Empty> erase_header(engine::Prompt&, const Header&) const;
};

}  // namespace strongroom::system::sys
