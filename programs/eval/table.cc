#include "programs/eval/table.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "lfm2/posix/thread_pool.h"
#include "programs/console/progress.h"
#include "programs/eval/choices.h"
#include "programs/eval/commands.h"
#include "programs/eval/comparison.h"
#include "programs/eval/table_speed.h"
#include "programs/eval/table_svg.h"
#include "programs/eval/table_text.h"
#include "programs/files/byte_sink.h"
#include "programs/files/files.h"
#include "programs/measure/model_work.h"
#include "programs/session/describe.h"
#include "programs/session/host.h"

namespace lfm2::tools {

namespace {

constexpr uint32_t kPrompt = 256, kGenerated = 32;

// The base first, without duplicates.
std::vector<std::string> PathsOf(const TableArguments& a) {
  std::vector<std::string> paths;
  if (!a.base.empty()) paths.push_back(a.base);
  for (const std::string& model : a.models) {
    if (std::find(paths.begin(), paths.end(), model) == paths.end()) paths.push_back(model);
  }
  return paths;
}

// File names without their extension; whole paths if two models would have the same name.
std::vector<std::string> NamesOf(const std::vector<std::string>& paths) {
  std::vector<std::string> names;
  for (const std::string& path : paths) names.push_back(std::filesystem::path(path).stem().string());
  return std::set<std::string>(names.begin(), names.end()).size() == names.size() ? names : paths;
}

// The memory that a model needs, from its file alone, in a session with the default context whatever the windows are.
Error MeasureSize(const ModelFile& file, TableSetup* setup, TableRow* row) {
  const Image& image = file.image();
  const std::vector<TensorEntry> directory = file.Directory();
  SessionPlan plan;
  LFM2_RETURN_IF_FAILED(MakeSessionPlan(image, SessionArguments(), &plan));
  setup->memory_context = std::max(setup->memory_context, plan.options.context_length);
  row->published = file.published();
  row->file_bytes = file.given_bytes();
  row->token_bytes = WorkOf(image).weight_bytes();
  row->memory_bytes = plan.plan.total_bytes + image.front_bytes();
  row->bits_per_weight = 8 * static_cast<double>(WeightBytes(image.config(), directory)) /
                         static_cast<double>(WeightCount(image.config(), directory));
  return Error();
}

// Runs tasks and commands, each model in a session of the length that these need.
Error MeasureAnswers(const TableArguments& a, const std::vector<std::string>& paths, const Executor* executor,
                     std::vector<TableRow>* rows) {
  std::vector<ChoiceItem> items;
  std::vector<Command> commands;
  if (!a.choices.empty()) LFM2_RETURN_IF_FAILED(ReadChoiceTasks(a.choices, &items));
  if (!a.commands.empty()) LFM2_RETURN_IF_FAILED(ReadCommands(a.commands, &commands));
  for (size_t i = 0; i < paths.size(); ++i) {
    TableRow& row = (*rows)[i];
    const auto measure = [&](const char* verb, const char* unit, const auto& run) {
      RunningModel model;
      LFM2_RETURN_IF_FAILED(model.Open({paths[i], a.cache}));
      Progress progress(std::string(verb) + " " + row.name, false, unit);
      const Error error = run(model, [&](uint64_t done, uint64_t all) { progress.Update(done, all); });
      progress.Abandon();
      return error.ok() ? error : Error::Of(paths[i], ": ", error.text());
    };
    if (!items.empty()) {
      ChoiceScores scores;
      LFM2_RETURN_IF_FAILED(measure("scoring", "items", [&](RunningModel& model, const ShowItems& show) {
        return ScoreChoices(model, SessionArguments(), false, executor, a.choices, items, show, &scores);
      }));
      row.acc = scores.acc;
      row.acc_norm = scores.acc_norm;
    }
    if (!commands.empty()) {
      CommandAnswers answers;
      CommandsArguments arguments;
      arguments.commands = a.commands;
      LFM2_RETURN_IF_FAILED(measure("asking", "commands", [&](RunningModel& model, const ShowItems& show) {
        return AnswerCommands(model, arguments, executor, commands, show, &answers);
      }));
      row.commands = answers.exact;
    }
  }
  return Error();
}

}  // namespace

Error RunTable(const TableArguments& a) {
  const std::vector<std::string> paths = PathsOf(a), names = NamesOf(paths);
  posix::ThreadPool pool;
  ComparedModels models;
  Corpus corpus;
  TableSetup setup;
  std::vector<TableRow> rows(paths.size());
  OutputFile picture;
  if (!a.svg.empty()) LFM2_RETURN_IF_FAILED(picture.Open(a.svg));
  LFM2_RETURN_IF_FAILED(Error::From(pool.Open(a.threads)));
  LFM2_RETURN_IF_FAILED(OpenModels(paths, a.cache, &models));
  LFM2_RETURN_IF_FAILED(ReadCorpus(a.corpus, models[0]->model.file().image().vocab(), &corpus));
  uint32_t longest = kMaxContextLength;
  for (size_t i = 0; i < paths.size(); ++i) {
    rows[i].name = names[i];
    LFM2_RETURN_IF_FAILED(MeasureSize(models[i]->model.file(), &setup, &rows[i]));
    longest = std::min(longest, models[i]->model.file().image().config().context_length);
  }
  LFM2_RETURN_IF_FAILED(MeasureAnswers(a, paths, pool.executor(), &rows));

  setup.predicted = corpus.predicted();
  setup.window = corpus.window;
  setup.prompt = std::clamp(longest / 2, 1u, kPrompt);
  setup.generated = std::clamp(longest / 2, 1u, kGenerated);
  setup.threads = pool.executor()->workers;
  setup.arena_bytes = a.arena_bytes;
  setup.throttle = a.throttle;
  setup.processor = ProcessorName();
  SessionArguments arguments;
  arguments.context = std::max(corpus.window, setup.prompt + setup.generated);
  LFM2_RETURN_IF_FAILED(OpenSessions(arguments, pool.executor(), &models));
  setup.kernels = models[0]->session.kernels_name();
  Progress progress("predicting", false, "tokens");
  const Error error = PredictAll(corpus, &models, [&](uint64_t done) { progress.Update(done, setup.predicted); });
  progress.Abandon();
  LFM2_RETURN_IF_FAILED(error);
  for (size_t i = 0; i < paths.size(); ++i) {
    rows[i].prediction = models[i]->prediction;
    for (const auto& [what, deviation] : {std::pair("perplexity", rows[i].prediction.perplexity.standard_error()),
                                          std::pair("error", rows[i].prediction.divergence.error().standard_error())}) {
      if (!std::isfinite(deviation)) return Error::Of(paths[i], ": its ", what, " is not finite");
    }
  }
  LFM2_RETURN_IF_FAILED(MeasureSpeeds(corpus, pool.executor(), &models, &setup, &rows));
  if (!a.svg.empty()) {
    const std::string svg = TableSvg(setup, rows);
    LFM2_RETURN_IF_FAILED(picture.Write(0, svg.data(), svg.size()));
    LFM2_RETURN_IF_FAILED(picture.Commit());
  }
  return WriteStandardOutput(TableText(setup, rows, a.markdown));
}

}  // namespace lfm2::tools
