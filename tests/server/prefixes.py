#!/usr/bin/env python3
"""A prompt that begins like an earlier one continues from its state, and its answer is what a server says that has computed
all of it: the same tokens, with the same log probabilities.

    prefixes.py LFM2-SERVER MODEL
"""
import sys

from server_program import check, running

program, model = sys.argv[1:]
SYSTEM = {"role": "system", "content": "You run a house with a kitchen, a hallway, a porch and a nursery. Be brief and polite."}
UNRELATED = "tell me some story of a dragon who lived in an old mountain and wanted to learn to sing, and of all its friends"


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def ask(server, messages, **fields):
    """What was said and how likely it was, and how many tokens of the prompt were there."""
    reply = server.chat(messages, logprobs=True, top_logprobs=2, max_tokens=24, **fields)
    choice = reply["choices"][0]
    return (choice["message"]["content"], choice["logprobs"]), reply["usage"]["prompt_tokens_details"]["cached_tokens"], reply


def compare(warm, cold, requests, **fields):
    """Each request to both; of the cold one nothing is ever there. Returns how much was there in the warm one."""
    cached = []
    for messages in requests:
        ask(cold, [user(UNRELATED)])
        expected, none, _ = ask(cold, messages, **fields)
        answer, there, reply = ask(warm, messages, **fields)
        check(none == 0 and answer == expected, messages, answer, expected)
        check(there < reply["usage"]["prompt_tokens"], reply)
        cached.append(there)
    return cached


with running(program, model, "--sessions", 1) as cold:
    for sessions in (1, 3):
        for fields in ({}, {"temperature": 1.5, "seed": 7, "repetition_penalty": 1.1}):
            with running(program, model, "--sessions", sessions) as warm:
                # A chat that grows, whose answers come back as they were.
                chat, requests = [SYSTEM], []
                for text in ("Could you remind me in 21 minutes please.", "set the hallway to 17 degrees", "unlock the porch door"):
                    chat = chat + [user(text)]
                    requests.append(chat)
                    answer, _, _ = ask(cold, chat, **fields)
                    chat = chat + [assistant(answer[0])]
                cached = compare(warm, cold, requests, **fields)
                check(cached[0] == 0 and 20 < cached[1] < cached[2], cached)
                # The same again, another last message, an answer that was changed, the same system text only, less of it.
                again = [requests[-1], requests[-1][:-1] + [user("lock the porch door again, please")],
                         requests[-1][:2] + [assistant("I did it.")] + requests[-1][3:], [SYSTEM, user("what is two and two")],
                         [SYSTEM, user("which day comes after Tuesday")]]
                cached = compare(warm, cold, again, **fields)
                check(all(there > 20 for there in cached), cached)
                # A system text that only begins alike: the second of them finds what they share.
                others = [[{"role": "system", "content": SYSTEM["content"][:60] + end}, user("hello")] for end in ("x", "y", "z")]
                cached = compare(warm, cold, others, **fields)
                check(cached[2] > 10, cached)

    with running(program, model, "--sessions", 2) as warm:
        # Two chats in turns, each of which keeps its session.
        chats = [[user("Could you remind me in %d minutes please, and be so kind as to say so." % n)] for n in (21, 12)]
        for round in range(3):
            for i, chat in enumerate(chats):
                (there,) = compare(warm, cold, [chat])
                check((there > 20) == (round > 0), round, i, there)
                answer, _, _ = ask(cold, chat)
                chats[i] = chat + [assistant(answer[0]), user("and %d more" % round)]
        # Completions of texts that begin alike.
        text = "The house has a kitchen, a hallway, a porch, a garden, a nursery, a cellar and an attic. "
        for end in ("The kitchen", "The porch", "The porch is", "The attic"):
            cold.complete(UNRELATED, max_tokens=1)
            expected = cold.complete(text + end, max_tokens=8, logprobs=2)
            answer = warm.complete(text + end, max_tokens=8, logprobs=2)
            check(answer["choices"] == expected["choices"], answer, expected)
        check(answer["usage"]["prompt_tokens_details"]["cached_tokens"] > 20, answer)
        check(expected["usage"]["prompt_tokens_details"]["cached_tokens"] == 0, expected)
        # Where every token's score is wanted, all are computed.
        scored = warm.complete(text + "The attic", max_tokens=1, logprobs=1, echo=True)
        check(scored["usage"]["prompt_tokens_details"]["cached_tokens"] == 0, scored)
        check(None not in scored["choices"][0]["logprobs"]["token_logprobs"][1:], scored)
print("ok")
