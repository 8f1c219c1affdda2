"""Writes the logits that transformers computes in float32 at a few positions of a long context, for deep_golden_test.cc.

    make_deep_golden.py HF_DIRECTORY OUT.npy

HF_DIRECTORY: the unquantised model of tests/data/gguf/dense-256-BF16.gguf. Needs torch and transformers; made with
torch 2.15 and transformers 5.24.
"""
import sys
import numpy
import torch
import transformers

TOKENS = 8300
POSITIONS = (4095, 8191, 8192, 8250, 8299)

torch.set_num_threads(1)
model = transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32, max_position_embeddings=16384)
model.eval()
vocabulary = model.config.vocab_size
ids = [1] + [14 + (i * i * 31 + i * 7919) % (vocabulary - 14) for i in range(1, TOKENS)]
with torch.no_grad():
    hidden = model.model(torch.tensor([ids]), use_cache=False).last_hidden_state[0]
    logits = model.lm_head(hidden[list(POSITIONS)])
numpy.save(sys.argv[2], logits.numpy().astype(numpy.float32))
