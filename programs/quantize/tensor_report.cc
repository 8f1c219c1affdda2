#include "programs/quantize/tensor_report.h"

#include <cstdio>
#include <map>

#include "programs/console/console.h"
#include "programs/quantize/recipe.h"

namespace lfm2::tools {

namespace {

double Ratio(double error, double power) { return power > 0 ? error / power : 0; }

std::string Shown(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3g", value);
  return text;
}

}  // namespace

nlohmann::ordered_json ReportJson(const std::vector<ImageTensor>& tensors, const std::vector<TensorReport>& reports) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (size_t i = 0; i < tensors.size(); ++i) {
    const TensorReport& r = reports[i];
    if (!(r.weight_power > 0)) continue;
    nlohmann::ordered_json one = {{"tensor", TensorName(tensors[i].spec)},
                                  {"type", NameOf(tensors[i].type)},
                                  {"weight_error", Ratio(r.weight_error, r.weight_power)}};
    if (r.inputs > 0) {
      one["inputs"] = r.inputs;
      one["output_error"] = Ratio(r.output_error, r.output_power);
      one["plain_output_error"] = Ratio(r.plain_error, r.output_power);
      one["feedback_output_error"] = Ratio(r.feedback_error, r.output_power);
      one["correction"] = Ratio(r.correction, r.output_power);
    }
    list.push_back(one);
  }
  return list;
}

std::string ReportTable(const std::vector<ImageTensor>& tensors, const std::vector<TensorReport>& reports) {
  struct Sum {
    uint32_t tensors = 0, calibrated = 0;
    double weights = 0, plain = 0, feedback = 0, outputs = 0, correction = 0;
  };
  std::map<std::pair<TensorRole, TensorType>, Sum> sums;
  bool calibrated = false;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const TensorReport& r = reports[i];
    if (!(r.weight_power > 0)) continue;
    Sum& sum = sums[{tensors[i].spec.role, tensors[i].type}];
    ++sum.tensors;
    sum.weights += Ratio(r.weight_error, r.weight_power);
    if (r.inputs == 0) continue;
    ++sum.calibrated;
    sum.plain += Ratio(r.plain_error, r.output_power);
    sum.feedback += Ratio(r.feedback_error, r.output_power);
    sum.outputs += Ratio(r.output_error, r.output_power);
    sum.correction += Ratio(r.correction, r.output_power);
    calibrated = true;
  }
  Table table(calibrated ? "llrrrrrr" : "llrr");
  std::vector<std::string> heading = {"tensor", "type", "tensors", "error of weights"};
  if (calibrated) heading.insert(heading.end(), {"of outputs", "rounded plainly", "by feedback alone", "correction"});
  table.Row(heading);
  for (const auto& [key, sum] : sums) {
    std::vector<std::string> cells = {NameOf(key.first), NameOf(key.second), std::to_string(sum.tensors),
                                      Shown(sum.weights / sum.tensors)};
    if (calibrated) {
      const bool any = sum.calibrated > 0;
      for (const double s : {sum.outputs, sum.plain, sum.feedback, sum.correction}) {
        cells.push_back(any ? Shown(s / sum.calibrated) : "");
      }
    }
    table.Row(cells);
  }
  return table.Text();
}

}  // namespace lfm2::tools
