#include "programs/eval/table_speed.h"

#include <algorithm>
#include <memory>

#include "lfm2.h"
#include "programs/base/random.h"
#include "programs/console/progress.h"
#include "programs/measure/speed.h"
#include "programs/open/running_model.h"

namespace lfm2::tools {

namespace {

// Small models need milliseconds, which other load on the machine disturbs: they are timed more often.
constexpr uint32_t kLeastRounds = 5, kMostRounds = 50;
constexpr double kSecondsOfModel = 3;

// A model's second session, in the arena of a default context.
struct StreamedModel {
  RunningModel model;
  Session session;
};

// Leaves *streamed empty if nothing has to be read from the drive, or the arena is too small.
Error OpenStreamed(const ComparedModel& compared, const TableSetup& setup, const Executor* executor,
                   std::unique_ptr<StreamedModel>* streamed, StreamedSpeed* speed) {
  const Image& image = compared.model.file().image();
  const ModelConfig& config = image.config();
  if (config.moe_layers() == 0) return Error();
  SessionArguments arguments;
  arguments.storage = StorageKind::kDirect;
  SessionPlan plan;
  LFM2_RETURN_IF_FAILED(MakeSessionPlan(image, arguments, &plan));
  if (plan.plan.least_bytes > setup.arena_bytes) {
    speed->needed_bytes = plan.plan.least_bytes;
    return Error();
  }
  arguments.arena_bytes = setup.arena_bytes;
  arguments.throttle = setup.throttle;
  LFM2_RETURN_IF_FAILED(MakeSessionPlan(image, arguments, &plan));
  if (plan.plan.slots.total == config.moe_layers() * config.experts) return Error();
  *streamed = std::make_unique<StreamedModel>();
  RunningModel& model = (*streamed)->model;
  LFM2_RETURN_IF_FAILED(model.Open({compared.model.file().path(), false}));
  LFM2_RETURN_IF_FAILED(model.Load(arguments));
  return Error::From((*streamed)->session.Open(model.image(), model.plan().options, model.arena(), executor));
}

// Decodes the ids, which continue those of earlier rounds until the context is full.
Error TimeStreamed(const std::vector<int32_t>& ids, bool counts, Session* session, StreamedSpeed* speed,
                   double* seconds) {
  if (session->position() + ids.size() > session->options().context_length) session->Reset();
  const StreamStatistics before = session->statistics();
  LFM2_RETURN_IF_FAILED(TimeDecode(ids, session, seconds));
  if (!counts) return Error();
  StreamStatistics read = session->statistics();
  read.Subtract(before);
  const double tokens = static_cast<double>(ids.size());
  speed->decode.push_back(tokens / *seconds);
  speed->hit_rate.Add(static_cast<double>(read.hits) / static_cast<double>(read.hits + read.misses));
  speed->read_bytes.Add(static_cast<double>(read.bytes) / tokens);
  return Error();
}

// Tokens of the text from a position on; continues at the start after its end.
std::vector<int32_t> TextFrom(const Corpus& corpus, size_t begin, uint32_t count) {
  std::vector<int32_t> ids;
  for (uint32_t i = 0; i < count; ++i) ids.push_back(corpus.ids[(begin + i) % corpus.ids.size()]);
  return ids;
}

}  // namespace

Error MeasureSpeeds(const Corpus& corpus, const Executor* executor, ComparedModels* models, TableSetup* setup,
                    std::vector<TableRow>* rows) {
  std::vector<std::unique_ptr<StreamedModel>> streamed(models->size());
  for (size_t i = 0; i < models->size() && setup->arena_bytes > 0; ++i) {
    const ComparedModel& model = *(*models)[i];
    const Error error = OpenStreamed(model, *setup, executor, &streamed[i], &(*rows)[i].streamed);
    if (!error.ok()) return Error::Of(model.name, ": ", error.text());
  }
  Random random(1);
  const uint32_t vocab = (*models)[0]->session.config().vocab_size;
  const std::vector<int32_t> prompt = RandomTokens(&random, setup->prompt, vocab);
  const std::vector<int32_t> generated = RandomTokens(&random, setup->generated, vocab);
  double seconds = 0;
  size_t place = 0;
  const auto run_round = [&](bool counts) {
    const std::vector<int32_t> text = TextFrom(corpus, place, setup->generated);
    place += text.size();
    for (size_t i = 0; i < models->size(); ++i) {
      Session& session = (*models)[i]->session;
      TableRow& row = (*rows)[i];
      double prefill = 0, decode = 0, read = 0;
      session.Reset();
      LFM2_RETURN_IF_FAILED(TimePrefill(prompt, &session, &prefill));
      LFM2_RETURN_IF_FAILED(TimeDecode(generated, &session, &decode));
      if (streamed[i] != nullptr) {
        const Error error = TimeStreamed(text, counts, &streamed[i]->session, &row.streamed, &read);
        if (!error.ok()) return Error::Of((*models)[i]->name, ": ", error.text());
      }
      seconds += prefill + decode + read;
      if (!counts) continue;
      row.prefill.push_back(static_cast<double>(prompt.size()) / prefill);
      row.decode.push_back(static_cast<double>(generated.size()) / decode);
    }
    return Error();
  };
  LFM2_RETURN_IF_FAILED(run_round(false));
  const double round = seconds, enough = kSecondsOfModel * static_cast<double>(models->size());
  setup->rounds = static_cast<uint32_t>(
      std::clamp(enough / round, static_cast<double>(kLeastRounds), static_cast<double>(kMostRounds)));
  Progress progress("timing", false, "rounds");
  for (uint32_t r = 0; r < setup->rounds; ++r) {
    const Error error = run_round(true);
    if (!error.ok()) progress.Abandon();
    LFM2_RETURN_IF_FAILED(error);
    progress.Update(r + 1, setup->rounds);
  }
  progress.Abandon();
  return Error();
}

}  // namespace lfm2::tools
