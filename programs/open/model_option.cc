#include "programs/open/model_option.h"

namespace lfm2::tools {

void AddModelOption(CLI::App* app, ModelArgument* model) {
  app->add_option("MODEL", model->path,
                  "Model: an image (.lfm2), or a GGUF file or directory, which is packed once into the cache")
      ->required();
  AddCacheOption(app, &model->cache);
}

void AddCacheOption(CLI::App* app, bool* cache) {
  app->add_flag_callback(
      "--no-cache", [cache] { *cache = false; }, "Take images only: pack nothing into the cache");
}

}  // namespace lfm2::tools
