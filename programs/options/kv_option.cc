#include "programs/options/kv_option.h"

#include <set>
#include <string>

#include "programs/session/session_plan.h"

namespace lfm2::tools {

namespace {

constexpr KvCacheType kKvTypes[] = {KvCacheType::kF16, KvCacheType::kF32, KvCacheType::kInt8};

}  // namespace

CLI::Option* AddKvOption(CLI::App* app, KvCacheType* type) {
  std::set<std::string> names;
  for (const KvCacheType t : kKvTypes) names.insert(NameOf(t));
  const auto set = [type](const std::string& name) {
    for (const KvCacheType t : kKvTypes) {
      if (name == NameOf(t)) *type = t;
    }
  };
  return app->add_option_function<std::string>("--kv", set, "Type of the key/value cache")
      ->check(CLI::IsMember(names))
      ->default_str(NameOf(*type));
}

}  // namespace lfm2::tools
