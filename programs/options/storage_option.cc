#include "programs/options/storage_option.h"

#include <set>
#include <string>
#include <vector>

#include "programs/options/byte_size.h"
#include "programs/options/kv_option.h"

namespace lfm2::tools {

namespace {

constexpr StorageKind kKinds[] = {StorageKind::kMapped, StorageKind::kMemory, StorageKind::kDirect};

}  // namespace

std::pair<CLI::Option*, CLI::Option*> AddStorageOptions(CLI::App* app, SessionArguments* arguments) {
  std::set<std::string> names;
  for (const StorageKind kind : kKinds) names.insert(NameOf(kind));
  const auto set = [arguments](const std::string& name) {
    for (const StorageKind kind : kKinds) {
      if (name == NameOf(kind)) arguments->storage = kind;
    }
  };
  CLI::Option* storage =
      app->add_option_function<std::string>("--storage", set,
                                            "Where the weights are: in the mapped file, in memory, or in the file, "
                                            "from which experts are read into the arena as needed")
          ->check(CLI::IsMember(names))
          ->default_str(NameOf(arguments->storage));
  CLI::Option* arena = app->add_option("--arena", arguments->arena_bytes,
                                       "Size of the arena, such as 1300M or 1.3GB; with --storage direct a larger one "
                                       "saves reads; 0: as planned")
                           ->capture_default_str()
                           ->transform(ByteSizeText())
                           ->type_name("BYTES");
  return {storage, arena};
}

CLI::Option* AddDraftOption(CLI::App* app, SessionArguments* arguments) {
  return app
      ->add_option("--draft", arguments->draft,
                   "Guess up to so many tokens from repetitions in the text, and compute them with the next one where "
                   "that is faster; answers are the same; not with --storage direct; 0: off")
      ->check(CLI::Range(0u, kMaxDraftTokens))
      ->capture_default_str()
      ->type_name("N");
}

void AddStreamingOptions(CLI::App* app, SessionArguments* arguments) {
  std::vector<const CLI::Option*> options;
  options.push_back(app->add_flag_callback(
      "--no-read-ahead", [arguments] { arguments->read_ahead = false; },
      "With --storage direct: read only experts that a layer is known to need"));
  options.push_back(app->add_option("--prefer-resident", arguments->prefer_resident,
                                    "With --storage direct: prefer experts in memory to those whose router score with "
                                    "its bias is at most this much higher; changes results")
                        ->check(CLI::Range(0.0f, 1.0f))
                        ->type_name("SCORE"));
  options.push_back(app->add_option("--drop-below", arguments->drop_below,
                                    "With --storage direct: skip experts that are not in memory and have a smaller "
                                    "share of their token; changes results")
                        ->check(CLI::Range(0.0f, 1.0f))
                        ->type_name("SHARE"));
  options.push_back(
      app->add_option("--throttle", arguments->throttle,
                      "With --storage direct: simulate a drive that reads so many bytes a second, such as "
                      "85MB; 0: off")
          ->transform(ByteSizeText())
          ->type_name("BYTES"));
  app->parse_complete_callback([options, arguments] {
    if (arguments->storage == StorageKind::kDirect) return;
    for (const CLI::Option* option : options) {
      if (option->count() > 0) throw CLI::ValidationError(option->get_name(), "needs --storage direct");
    }
  });
}

CLI::Option* AddSessionOptions(CLI::App* app, SessionArguments* arguments) {
  AddKvOption(app, &arguments->kv_cache);
  AddStorageOptions(app, arguments);
  AddStreamingOptions(app, arguments);
  return AddDraftOption(app, arguments);
}

}  // namespace lfm2::tools
