#include "programs/open/model_option.h"

namespace lfm2::tools {

void AddModelOption(CLI::App* app, ModelArgument* model) {
  app->add_option("MODEL", model->path,
                  "A .lfm2 image; or a GGUF file or a directory of safetensors, which is packed once into the cache")
      ->required();
  AddCacheOption(app, &model->cache);
}

void AddCacheOption(CLI::App* app, bool* cache) {
  app->add_flag_callback(
      "--no-cache", [cache] { *cache = false; }, "Accept images only; pack nothing into the cache");
}

}  // namespace lfm2::tools
