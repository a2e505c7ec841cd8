#include "system/token/token.h"

#include "system/token/types.h"

namespace strongroom::system::token {
namespace {
using engine::route;
using engine::route_with_exists;
using engine::Verb;
constexpr unsigned kGuarded = engine::guarded;
constexpr unsigned kIssues = engine::issues;

constexpr std::array kRoutes{
    route<&Token::create>(Verb::write, "create", "Create a token", kIssues, "token-create"),
    route<&Token::create_orphan>(Verb::write, "create-orphan", "Create a token without a parent", kIssues,
                                 "token-create-orphan"),
    route<&Token::create_against>(Verb::write, "create/{role_name}", "Create a token as a role rules",
                                  kIssues, "token-create-against-role"),
    route<&Token::lookup_self>(Verb::read, "lookup-self", "Show the caller's token", kGuarded,
                               "token-look-up-self-get"),
    route<&Token::lookup_self>(Verb::write, "lookup-self", "Show the caller's token", kGuarded,
                               "token-look-up-self-update"),
    route<&Token::lookup_self>(Verb::read, "lookup", "Show the caller's token", kGuarded,
                               "token-look-up-get"),
    route<&Token::lookup>(Verb::write, "lookup", "Show a token", kGuarded, "token-look-up-update"),
    route<&Token::lookup_accessor>(Verb::write, "lookup-accessor", "Show a token by its accessor", kGuarded,
                                   "token-look-up-by-accessor"),
    route<&Token::renew_self>(Verb::write, "renew-self", "Renew the caller's token", kIssues,
                              "token-renew-self"),
    route<&Token::renew>(Verb::write, "renew", "Renew a token", kIssues, "token-renew"),
    route<&Token::renew_accessor>(Verb::write, "renew-accessor", "Renew a token by its accessor", kIssues,
                                  "token-renew-accessor"),
    route<&Token::revoke_self>(Verb::write, "revoke-self", "Revoke the caller's token and its children",
                               kGuarded, "token-revoke-self"),
    route<&Token::revoke>(Verb::write, "revoke", "Revoke a token and its children", kGuarded, "token-revoke"),
    route<&Token::revoke_accessor>(Verb::write, "revoke-accessor",
                                   "Revoke a token and its children by its accessor", kGuarded,
                                   "token-revoke-accessor"),
    route<&Token::revoke_orphan>(Verb::write, "revoke-orphan",
                                 "Revoke a token alone; its children live on as orphans", engine::sudo,
                                 "token-revoke-orphan"),
    route<&Token::tidy>(Verb::write, "tidy", "Remove what dead tokens left behind, in the background",
                        kGuarded, "token-tidy"),
    route<&Token::list_accessors>(Verb::list, "accessors", "List accessors of all tokens", engine::sudo,
                                  "token-list-accessors"),
    route<&Token::list_roles>(Verb::list, "roles", "List roles for creating tokens", kGuarded,
                              "token-list-roles"),
    route<&Token::read_role>(Verb::read, "roles/{role_name}", "Show a role", kGuarded, "token-read-role"),
    route_with_exists<&Token::write_role, &Token::role_exists>(
        Verb::write, "roles/{role_name}", "Create or change a role", kGuarded, "token-write-role"),
    route<&Token::delete_role>(Verb::erase, "roles/{role_name}", "Delete a role", kGuarded,
                               "token-delete-role"),
};
}  // namespace

std::span<const engine::Route> Token::routes(const engine::MountView&) const { return kRoutes; }

}  // namespace strongroom::system::token
