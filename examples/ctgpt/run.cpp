// The verbs that run a trained model: sample, chat, eval.
#include "ctgpt/app/eval.hpp"
