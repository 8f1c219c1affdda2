#include "programs/quantize/feedback.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lfm2/base/numeric.h"

namespace lfm2::tools {

namespace {

// Rows that one task rounds.
constexpr uint32_t kTaskRows = 128;

// Data of a block of columns that all rows share: `after`, `within` and `importance` for the feedback, `h` for
// refining.
struct Panel {
  uint32_t first = 0;
  uint32_t columns = 0;
  Eigen::MatrixXf after;          // L_ik / L_kk for i after the block, [size - first - columns, columns]
  RowMatrix within;               // the same inside the block, [i, k], zero except for i > k
  std::vector<float> importance;  // L_kk^2
  RowMatrix h;                    // H[:, block], damped
};

Panel MakePanel(const FactoredMoments& m, uint32_t first, uint32_t columns, bool refine) {
  Panel p;
  p.first = first;
  p.columns = columns;
  const uint32_t behind = m.size() - first - columns;
  p.importance.resize(columns);
  if (refine) {
    p.h.resize(m.size(), columns);
    for (uint32_t i = 0; i < m.size(); ++i) {
      for (uint32_t k = 0; k < columns; ++k) p.h(i, k) = m.H(i, first + k);
    }
    return p;
  }
  p.after.resize(behind, columns);
  p.within = RowMatrix::Zero(columns, columns);
  for (uint32_t k = 0; k < columns; ++k) {
    const float pivot = m.L(first + k, first + k);
    p.importance[k] = pivot * pivot;
    for (uint32_t i = k + 1; i < columns; ++i) p.within(i, k) = m.L(first + i, first + k) / pivot;
    for (uint32_t i = 0; i < behind; ++i) p.after(i, k) = m.L(first + columns + i, first + k) / pivot;
  }
  return p;
}

// What will be stored.
struct Rounded {
  std::vector<int8_t> integers;   // [rows, size]
  std::vector<BlockSteps> steps;  // [rows, size / columns]
};

// Rounds one row's block from its last column to its first. target[columns]: w plus the compensation of the errors
// after the block; overwritten. error[columns] = w - w', may alias w. Returns the block's contribution to e H e^T.
double RoundBlock(const Panel& p, const BlockCodec& codec, const float* w, float* target, BlockSteps* steps,
                  int8_t* integers, float* error) {
  codec.ChooseSteps(target, p.importance.data(), steps);
  double sum = 0;
  for (uint32_t k = p.columns; k-- > 0;) {
    float value = 0;
    integers[k] = codec.Nearest(*steps, k, target[k], &value);
    const float e = w[k] - value;
    error[k] = e;
    const double missed = static_cast<double>(target[k] - value);
    sum += static_cast<double>(p.importance[k]) * missed * missed;
    const float* const row = p.within.data() + size_t{k} * p.columns;
    for (uint32_t j = 0; j < k; ++j) target[j] += e * row[j];
  }
  return sum;
}

// Moves each integer of a row's block, and then its step, to where e H e^T is smallest with everything else fixed: a
// step d of value k changes it by d^2 H_kk - 2 d (e H)_k. gradient[columns] = (e H)[block]; overwritten.
void RefineBlock(const Panel& p, const BlockCodec& codec, float* gradient, BlockSteps* steps, int8_t* integers,
                 float* error) {
  const auto h = [&p](uint32_t i) { return p.h.data() + size_t{p.first + i} * p.columns; };
  // The errors are computed from the weights again: adding up the moves would accumulate rounding errors.
  float w[kMaxBlockColumns], values[kMaxBlockColumns], levels[kMaxBlockColumns];
  for (uint32_t k = 0; k < p.columns; ++k) {
    values[k] = codec.Level(integers[k]) * steps->step[k / kStepColumns];
    w[k] = error[k] + values[k];
  }
  for (uint32_t k = 0; k < p.columns; ++k) {
    const float old = values[k];
    const int8_t integer = codec.Nearest(*steps, k, old + gradient[k] / h(k)[k], &values[k]);
    if (integer == integers[k]) continue;
    integers[k] = integer;
    const float moved = values[k] - old;
    for (uint32_t j = 0; j < p.columns; ++j) gradient[j] -= moved * h(k)[j];
  }
  if (codec.has_one_step()) {
    for (uint32_t k = 0; k < p.columns; ++k) levels[k] = codec.Level(integers[k]);
    const Eigen::Map<const Eigen::VectorXf> level(levels, p.columns);
    const float along = level.dot(Eigen::Map<const Eigen::VectorXf>(gradient, p.columns));
    const float curvature = level.dot(p.h.middleRows(p.first, p.columns) * level);
    const float best = steps->step[0] + along / curvature;
    // Without a positive, finite curvature the step stays as it is.
    if (curvature > 0 && std::isfinite(best)) {
      codec.SetStep(best, steps);
      for (uint32_t k = 0; k < p.columns; ++k) values[k] = levels[k] * steps->step[0];
    }
  }
  for (uint32_t k = 0; k < p.columns; ++k) error[k] = w[k] - values[k];
}

}  // namespace

double QuantizeWithFeedback(const BlockCodec& codec, const FactoredMoments& moments, uint32_t refinements,
                            const Executor* executor, RowMatrix* w, std::vector<uint8_t>* stored) {
  const uint32_t size = moments.size(), columns = codec.columns(), blocks = size / columns;
  const uint32_t rows = static_cast<uint32_t>(w->rows());
  Rounded r{std::vector<int8_t>(size_t{rows} * size), std::vector<BlockSteps>(size_t{rows} * blocks)};
  // Calls f(first row, rows) for independent groups of rows.
  const auto each_rows = [&](auto&& f) {
    ParallelFor(executor, DivideUp(rows, kTaskRows),
                [&](uint32_t i) { f(i * kTaskRows, std::min(kTaskRows, rows - i * kTaskRows)); });
  };
  std::vector<double> sums(DivideUp(rows, kTaskRows));
  for (uint32_t b = blocks; b-- > 0;) {
    const Panel p = MakePanel(moments, b * columns, columns, false);
    const uint32_t behind = p.first + columns;
    each_rows([&](uint32_t first, uint32_t count) {
      RowMatrix target = w->block(first, p.first, count, columns);
      if (behind < size) target.noalias() += w->block(first, behind, count, size - behind) * p.after;
      for (uint32_t i = 0; i < count; ++i) {
        const size_t row = first + i;
        float* const own = w->data() + row * size + p.first;
        sums[first / kTaskRows] +=
            RoundBlock(p, codec, own, target.data() + size_t{i} * columns, &r.steps[row * blocks + b],
                       r.integers.data() + row * size + p.first, own);
      }
    });
  }
  const double unrefined = moments.Undamped(std::accumulate(sums.begin(), sums.end(), 0.0), *w);
  for (uint32_t pass = 0; pass < refinements; ++pass) {
    for (uint32_t b = 0; b < blocks; ++b) {
      const Panel p = MakePanel(moments, b * columns, columns, true);
      each_rows([&](uint32_t first, uint32_t count) {
        RowMatrix gradient = w->middleRows(first, count) * p.h;
        for (uint32_t i = 0; i < count; ++i) {
          const size_t row = first + i;
          RefineBlock(p, codec, gradient.data() + size_t{i} * columns, &r.steps[row * blocks + b],
                      r.integers.data() + row * size + p.first, w->data() + row * size + p.first);
        }
      });
    }
  }
  stored->resize(size_t{rows} * blocks * codec.bytes());
  for (size_t i = 0; i < size_t{rows} * blocks; ++i) {
    codec.Store(r.steps[i], r.integers.data() + i * columns, stored->data() + i * codec.bytes());
  }
  return unrefined;
}

}  // namespace lfm2::tools
