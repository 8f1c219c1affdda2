// Constraints from C: an answer is one of the grammar, compiled here; and what is refused.
#include "tests/c/check.h"

static TestModel g_model;
static lfm2_constraint g_constraint;
static unsigned char g_memory[256 << 10] LFM2_ALIGNED(4096);
static unsigned char g_compiler[64 << 10] LFM2_ALIGNED(64);

static void Ask(TestText* text) {
  const lfm2_conversation_options greedy = GreedyOptions();
  const lfm2_chat_message question = lfm2_chat_message_of(LFM2_ROLE_USER, QUESTION);
  lfm2_answer_options options = lfm2_answer_options_default(64);
  options.constraint = &g_constraint;
  memset(text, 0, sizeof(*text));
  CHECK_OK(lfm2_conversation_open(&g_model.chat, &g_model.session, &greedy));
  CHECK_OK(lfm2_conversation_ask(&g_model.chat, &question, &options, KeepText, text));
  CHECK(lfm2_conversation_answer_end(&g_model.chat) == LFM2_END_STOP);
  CHECK(lfm2_constraint_is_complete(&g_constraint));
}

static void CheckAnswers(void) {
  static TestText text;
  lfm2_constraint_options options = lfm2_constraint_options_default();
  lfm2_tools_grammar_options only = {{NULL, 0}, true, false, true};
  const lfm2_text tools[2] = {
      lfm2_text_of("{\"name\": \"start_timer\", \"parameters\": {\"type\": \"object\", \"properties\": {\"minutes\": "
                   "{\"type\": \"integer\", \"minimum\": 3, \"maximum\": 5}}, \"required\": [\"minutes\"]}}"),
      lfm2_text_of("{\"name\": \"stop\"}")};
  static lfm2_tool_calls calls;
  const void* grammar = NULL;
  size_t bytes = 0;
  bool found = false;
  int64_t minutes = 0;

  CHECK_OK(lfm2_compile_gbnf(lfm2_text_of("root ::= \"yes\" | \"no\""), g_compiler, sizeof(g_compiler), &grammar,
                             &bytes));
  CHECK_OK(lfm2_constraint_open(&g_constraint, &g_model.image, grammar, bytes, NULL, g_memory, sizeof(g_memory)));
  CHECK(lfm2_constraint_is_open(&g_constraint) && !lfm2_constraint_is_complete(&g_constraint));
  Ask(&text);
  CHECK(strcmp(text.data, "yes") == 0 || strcmp(text.data, "no") == 0);

  CHECK_OK(lfm2_compile_json_schema(lfm2_text_of("{\"const\": [1, null]}"), g_compiler, sizeof(g_compiler), &grammar,
                                    &bytes));
  CHECK_OK(lfm2_constraint_open(&g_constraint, &g_model.image, grammar, bytes, NULL, g_memory, sizeof(g_memory)));
  Ask(&text);
  CHECK(strcmp(text.data, "[1, null]") == 0);

  // 21 minutes are not among those that the tool takes.
  options.scope = LFM2_CONSTRAIN_CALLS;
  options.tool_choice = LFM2_TOOLS_REQUIRED;
  CHECK_OK(lfm2_compile_tools(tools, 2, NULL, g_compiler, sizeof(g_compiler), &grammar, &bytes));
  CHECK_OK(lfm2_constraint_open(&g_constraint, &g_model.image, grammar, bytes, &options, g_memory, sizeof(g_memory)));
  Ask(&text);
  CHECK_OK(lfm2_tool_calls_open(&calls, lfm2_text_of(text.data)));
  CHECK_OK(lfm2_tool_calls_next(&calls, &found));
  CHECK(found);
  CHECK_OK(lfm2_tool_calls_integer(&calls, lfm2_text_of("minutes"), &minutes));
  CHECK(minutes >= 3 && minutes <= 5);
  only.only = lfm2_text_of("stop");
  CHECK_OK(lfm2_compile_tools(tools, 2, &only, g_compiler, sizeof(g_compiler), &grammar, &bytes));
  CHECK_OK(lfm2_constraint_open(&g_constraint, &g_model.image, grammar, bytes, &options, g_memory, sizeof(g_memory)));
  Ask(&text);
  CHECK(strcmp(text.data, "<|tool_call_start|>[stop()]<|tool_call_end|>") == 0);
}

static void CheckRefusals(void) {
  static const lfm2_image closed;
  static lfm2_constraint constraint;
  TestText text = {{0}, 0, 0, 0};
  const lfm2_chat_message question = lfm2_chat_message_of(LFM2_ROLE_USER, QUESTION);
  lfm2_constraint_options options = lfm2_constraint_options_default();
  lfm2_answer_options answer = lfm2_answer_options_default(64);
  lfm2_tools_grammar_options only = {{NULL, 0}, false, false, false};
  const lfm2_text tool = lfm2_text_of("{\"name\": \"stop\"}"), yes = lfm2_text_of("root ::= \"yes\"");
  const lfm2_image* const image = &g_model.image;
  const void* grammar = NULL;
  size_t bytes = 0, needed = 0;
  CHECK_FAILS(lfm2_compile_gbnf(lfm2_text_of("root ::= ("), g_compiler, sizeof(g_compiler), &grammar, &bytes),
              LFM2_INVALID_ARGUMENT, "grammar");
  CHECK_FAILS(lfm2_compile_gbnf(yes, g_compiler, 64, &grammar, &bytes), LFM2_ARENA_TOO_SMALL, NULL);
  CHECK_FAILS(lfm2_compile_gbnf(yes, NULL, 64, &grammar, &bytes), LFM2_INVALID_ARGUMENT, "memory");
  CHECK_FAILS(lfm2_compile_gbnf(yes, g_compiler, sizeof(g_compiler), NULL, &bytes), LFM2_INVALID_ARGUMENT, "grammar");
  CHECK_FAILS(lfm2_compile_json_schema(lfm2_text_of("{"), g_compiler, sizeof(g_compiler), &grammar, &bytes),
              LFM2_INVALID_ARGUMENT, "schema");
  CHECK_FAILS(lfm2_compile_tools(NULL, 1, NULL, g_compiler, sizeof(g_compiler), &grammar, &bytes),
              LFM2_INVALID_ARGUMENT, "tools");
  only.only = lfm2_text_of("go");
  CHECK_FAILS(lfm2_compile_tools(&tool, 1, &only, g_compiler, sizeof(g_compiler), &grammar, &bytes),
              LFM2_INVALID_ARGUMENT, "only");
  CHECK(grammar == NULL && bytes == 0);

  CHECK_OK(lfm2_compile_gbnf(yes, g_compiler, sizeof(g_compiler), &grammar, &bytes));
  CHECK_FAILS(lfm2_constraint_memory_bytes(&closed, NULL, &needed), LFM2_FAILED_PRECONDITION, "image");
  CHECK_FAILS(lfm2_constraint_memory_bytes(image, NULL, NULL), LFM2_INVALID_ARGUMENT, "bytes");
  CHECK_OK(lfm2_constraint_memory_bytes(image, NULL, &needed));
  CHECK(needed > 1000 && needed <= sizeof(g_memory));
  CHECK_FAILS(lfm2_constraint_open(&constraint, image, grammar, bytes, NULL, g_memory, needed - 1),
              LFM2_ARENA_TOO_SMALL, "memory");
  CHECK_FAILS(lfm2_constraint_open(&constraint, image, grammar, bytes - 4, NULL, g_memory, needed), LFM2_CORRUPT, NULL);
  CHECK_FAILS(lfm2_constraint_open(&constraint, image, grammar, bytes, NULL, g_memory + 8, needed),
              LFM2_INVALID_ARGUMENT, NULL);
  CHECK_FAILS(lfm2_constraint_open(&constraint, &closed, grammar, bytes, NULL, g_memory, needed),
              LFM2_FAILED_PRECONDITION, "image");
  options.scope = 2;
  CHECK_FAILS(lfm2_constraint_open(&constraint, image, grammar, bytes, &options, g_memory, needed),
              LFM2_INVALID_ARGUMENT, "options.scope");
  options.scope = LFM2_CONSTRAIN_CALLS;
  options.tool_choice = 3;
  CHECK_FAILS(lfm2_constraint_open(&constraint, image, grammar, bytes, &options, g_memory, needed),
              LFM2_INVALID_ARGUMENT, "options.tool_choice");
  CHECK(!lfm2_constraint_is_open(&constraint) && !lfm2_constraint_is_complete(&constraint));
  answer.constraint = &constraint;
  CHECK_FAILS(lfm2_conversation_ask(&g_model.chat, &question, &answer, KeepText, &text), LFM2_FAILED_PRECONDITION,
              "constraint");
  CHECK_OK(lfm2_constraint_open(&constraint, image, grammar, bytes, NULL, g_memory, needed));
  CHECK(lfm2_constraint_is_open(&constraint));
}

void TestConstraint(void) {
  OpenTestModel(&g_model, 0);
  CheckAnswers();
  CheckRefusals();
  CloseTestModel(&g_model);
}
