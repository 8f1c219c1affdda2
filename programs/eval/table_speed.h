// Measures the speed of the models of lfm2-eval table.
#ifndef LFM2_PROGRAMS_EVAL_TABLE_SPEED_H_
#define LFM2_PROGRAMS_EVAL_TABLE_SPEED_H_

#include <vector>

#include "lfm2/base/executor.h"
#include "programs/base/error.h"
#include "programs/eval/comparison.h"
#include "programs/eval/corpus.h"
#include "programs/eval/table_row.h"

namespace lfm2::tools {

// Times every model once in each round, so that other load on the machine affects all of them equally: prefill and
// decode in its session, and, if the setup has an arena, decode of the next tokens of the corpus in a session whose
// experts are read from the file. The first round is a warm-up. Sets setup->rounds, and the speeds of the rows, one for
// each model.
Error MeasureSpeeds(const Corpus& corpus, const Executor* executor, ComparedModels* models, TableSetup* setup,
                    std::vector<TableRow>* rows);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_TABLE_SPEED_H_
