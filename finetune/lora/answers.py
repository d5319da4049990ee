"""TRL's supervised trainer for a CPU, which pays for every place: only those of answers are put into words."""

from __future__ import annotations

from typing import Any

from torch.nn.functional import cross_entropy
from trl import SFTTrainer

from finetune.batches import IGNORED, answers


class AnswersTrainer(SFTTrainer):
    """Computes logits from the first place to be learnt on; TRL does so on GPUs alone, elsewhere for whole prompts."""

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The sum of the answers' losses over the tokens of the whole step, and TRL's figures of the log."""
        labels = inputs["labels"]
        logits, wanted = answers(model, inputs["input_ids"], inputs["attention_mask"], labels)
        learnt = wanted != IGNORED
        loss = cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=IGNORED, reduction="sum")
        loss = loss / (learnt.sum() if num_items_in_batch is None else num_items_in_batch)
        mode = "train" if self.model.training else "eval"
        right = float((logits.argmax(-1) == wanted)[learnt].float().mean())
        self._metrics[mode]["mean_token_accuracy"].append(right)
        if mode == "train":
            self._total_train_tokens += int(inputs["attention_mask"].sum())
        self._metrics[mode]["num_tokens"] = [self._total_train_tokens]
        return (loss, {"logits": logits}) if return_outputs else loss
