// A program of units compiled for different instruction sets: the types are the same in all, the units exchange
// objects, and the tokens are the same.
#include <cstdio>
#include <cstring>
#include <string>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"
#include "tests/gates/types.h"

namespace {

const TypesUnit* const kUnits[] = {&kTypesUnitFirst, &kTypesUnitSecond, &kTypesUnitThird};
constexpr char kAnswer[] = "<|tool_call_start|>[start_timer(minutes=21)]<|tool_call_end|>";
constexpr int kTokens = 24;

alignas(lfm2::kAlignment) std::byte arena[size_t{16} << 20];
lfm2::posix::MappedFile file;
lfm2::Image image;
int failures = 0;

void Expect(bool holds, const char* what) {
  if (holds) return;
  std::printf("failed: %s\n", what);
  ++failures;
}

void Expect(const lfm2::Status& status, const char* what) {
  char message[256];
  if (status.ok()) return;
  status.Format(message, sizeof(message));
  std::printf("%s\n", message);
  Expect(false, what);
}

// kTokens greedy tokens; one unit opens the session, and each token is computed by the next unit of `order`.
std::string Generate(const TypesUnit& opener, const TypesUnit* const* order) {
  lfm2::Session session;
  lfm2::Status status;
  opener.open(image, arena, sizeof(arena), &session, &status);
  Expect(status, "a unit opens a session");
  const int32_t prompt[] = {1, 51, 62, 73, 84, 95, 106, 117};
  int32_t token = order[0]->next(&session, prompt, std::size(prompt), &status);
  std::string tokens = std::to_string(token);
  for (int i = 1; i < kTokens && status.ok(); ++i) {
    token = order[i % 3]->next(&session, &token, 1, &status);
    tokens += " " + std::to_string(token);
  }
  Expect(status, "units compute tokens");
  return tokens;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: types MODEL.lfm2\n");
    return 2;
  }
  Expect(file.Open(argv[1]), "the file");
  Expect(image.Open(file), "the image");
  if (failures > 0) return 1;
  const TypeSizes here = {sizeof(lfm2::Session), sizeof(lfm2::Image), sizeof(lfm2::Conversation)};
  const std::string want = Generate(*kUnits[0], kUnits);
  for (const TypesUnit* unit : kUnits) {
    const TypeSizes sizes = unit->sizes();
    Expect(std::memcmp(&sizes, &here, sizeof(here)) == 0, "the types are as large in one unit as in another");
    const TypesUnit* const alone[] = {unit, unit, unit};
    Expect(Generate(*unit, alone) == want, "a unit gives the tokens of the others");
    lfm2::Session session;
    lfm2::Conversation chat;
    lfm2::Status status;
    char answer[256] = "";
    unit->open(image, arena, sizeof(arena), &session, &status);
    unit->ask(&session, &chat, answer, sizeof(answer), &status);
    Expect(status, "a unit asks");
    std::printf("%s: %s\n", kUnits[0]->kernels_name(session), answer);
    Expect(std::strcmp(answer, kAnswer) == 0, "a unit answers");
  }
  std::printf("%s\nSession: %zu bytes, Image: %zu, Conversation: %zu\n", want.c_str(), here.session, here.image,
              here.conversation);
  return failures == 0 ? 0 : 1;
}
