"""A learned ranker: gradient-boosted trees that foretell what is taken or optimise NDCG, with every feature's share.

LambdaMART: Burges, "From RankNet to LambdaRank to LambdaMART: An Overview", 2010, in LightGBM's form. Shares are
SHAP values of trees: Lundberg et al., "From local explanations to global understanding with explainable AI for trees",
2020; a score is the sum of its shares. What orders lists best says nothing of how likely anything is: a line from
scores to log-odds (Platt, "Probabilistic Outputs for Support Vector Machines", 1999) makes different lists comparable.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.optimize import minimize
from scipy.special import expit

from retrieval.errors import ShopError
from retrieval.schema import Frozen

Features = NDArray[np.float32]
FEW = 5_000  # candidates up to which waking more threads costs more than they save


class RankerConfig(Frozen):
    """How the trees are grown.

    Attributes:
        objective: "lambdarank" learns the order within each list, "binary" how likely each candidate is to be taken.
        trees: how many rounds.
        leaves: at most, of one tree.
        learning_rate: what each tree adds.
        least: examples that a leaf needs.
        feature_share: of features that each tree may use.
        row_share: of examples that each tree is grown on.
        ridge: L2 penalty on leaf values.
        truncation: places of the list whose order is optimised.
        bags: models grown from different seeds and averaged.
        seed: of all that is drawn.
        threads: that the library may use; 0 for its own choice.
    """

    objective: Literal["lambdarank", "binary"] = "lambdarank"
    trees: int = Field(default=200, ge=1)
    leaves: int = Field(default=15, ge=2)
    learning_rate: float = Field(default=0.05, gt=0)
    least: int = Field(default=50, ge=1)
    feature_share: float = Field(default=0.7, gt=0, le=1)
    row_share: float = Field(default=0.8, gt=0, le=1)
    ridge: float = Field(default=10.0, ge=0)
    truncation: int = Field(default=20, ge=1)
    bags: int = Field(default=1, ge=1)
    seed: int = 0
    threads: int = Field(default=0, ge=0)


class Ranker:
    """Trees over named features. Read-only once made, safe to use from many threads."""

    def __init__(
        self, names: Sequence[str], models: Sequence[Any], config: RankerConfig, line: tuple[float, float] = (1.0, 0.0)
    ) -> None:
        self.names, self.config = tuple(names), config
        self._models = list(models)
        self._slope, self._offset = line

    @classmethod
    def fit(
        cls,
        features: Features,
        gains: NDArray[np.int32],
        groups: NDArray[np.int32],
        names: Sequence[str],
        config: RankerConfig | None = None,
        *,
        weights: NDArray[np.float32] | None = None,
        rising: Collection[str] = (),
    ) -> Self:
        """Grow trees.

        Args:
            features: (n, f) candidates of all lists, list after list; NaN where unknown.
            gains: (n,) 0 for what was not taken, 1 and up for what was.
            groups: (q,) candidates in each list, summing to n.
            names: (f,) what the features are called.
            config: how to grow them.
            weights: (n,) how many candidates each stands for, None for 1.
            rising: features of which more never lowers a score, all else equal.
        """
        import lightgbm

        config = config or RankerConfig()
        ordering = config.objective == "lambdarank"  # which looks at pairs, whatever each stands for
        counts = None if ordering else weights
        data = lightgbm.Dataset(
            features, gains, group=groups, weight=counts, feature_name=list(names), free_raw_data=False
        )
        models = [
            lightgbm.train(_parameters(config, config.seed + bag, names, rising), data, num_boost_round=config.trees)
            for bag in range(config.bags)
        ]
        found = cls(names, models, config)
        if ordering and len(gains):
            found._slope, found._offset = _line(found.score(features), gains, weights)
        return found

    def score(self, features: Features) -> NDArray[np.float64]:
        """(n,) log-odds of being taken; higher is better."""
        if len(features) == 0:
            return np.empty(0)
        few = 1 if len(features) < FEW else self.config.threads
        parts = [
            np.asarray(model.predict(features, raw_score=True, num_threads=few), dtype=np.float64)
            for model in self._models
        ]
        return np.asarray(np.mean(parts, axis=0), dtype=np.float64) * self._slope + self._offset

    def shares(self, features: Features) -> NDArray[np.float64]:
        """(n, f + 1) what each feature adds to each score; the last column is what every score starts from."""
        if len(features) == 0:
            return np.empty((0, len(self.names) + 1))
        parts = [np.asarray(model.predict(features, pred_contrib=True), dtype=np.float64) for model in self._models]
        shares = np.asarray(np.mean(parts, axis=0), dtype=np.float64) * self._slope
        shares[:, -1] += self._offset
        return shares

    def save(self, folder: Path) -> None:
        """Write the trees as text and the config as JSON into an existing folder."""
        for number, model in enumerate(self._models):
            (folder / f"trees-{number}.txt").write_text(model.model_to_string(), encoding="utf-8")
        record = {"names": self.names, "config": self.config.model_dump(mode="json"), "models": len(self._models)}
        record["line"] = (self._slope, self._offset)
        (folder / "ranker.json").write_text(json.dumps(record, sort_keys=True, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises `ShopError` where it is missing or damaged."""
        import lightgbm

        try:
            record = json.loads((folder / "ranker.json").read_text(encoding="utf-8"))
            texts = [(folder / f"trees-{number}.txt").read_text(encoding="utf-8") for number in range(record["models"])]
            models = [lightgbm.Booster(model_str=text) for text in texts]
            slope, offset = (float(number) for number in record["line"])
            return cls(record["names"], models, RankerConfig(**record["config"]), (slope, offset))
        except (OSError, ValueError, KeyError, TypeError, lightgbm.basic.LightGBMError) as error:
            raise ShopError(f"the ranker in {folder} can't be read ({error})", "run crossaisle ingest again") from error


def _line(
    scores: NDArray[np.float64], gains: NDArray[np.int32], weights: NDArray[np.float32] | None
) -> tuple[float, float]:
    """Slope (never falling) and offset that make scores log-odds of what was taken."""
    taken = (gains > 0).astype(np.float64)
    counts = np.ones(len(taken)) if weights is None else weights.astype(np.float64)
    total = counts.sum()

    def loss(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds = line[0] * scores + line[1]
        surprise = (counts * (np.logaddexp(0.0, odds) - taken * odds)).sum() / total
        miss = counts * (expit(odds) - taken) / total
        return float(surprise), np.array([miss @ scores, miss.sum()])

    usual = float(np.clip((counts * taken).sum() / total, 1e-9, 1 - 1e-9))
    start = np.array([1.0, np.log(usual / (1 - usual))])
    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(1e-6, None), (None, None)])
    return float(best.x[0]), float(best.x[1])


def _parameters(config: RankerConfig, seed: int, names: Sequence[str], rising: Collection[str]) -> dict[str, Any]:
    return {
        "monotone_constraints": [int(name in rising) for name in names],
        "objective": config.objective,
        "num_leaves": config.leaves,
        "learning_rate": config.learning_rate,
        "min_data_in_leaf": config.least,
        "feature_fraction": config.feature_share,
        "bagging_fraction": config.row_share,
        "bagging_freq": 1,
        "lambda_l2": config.ridge,
        "lambdarank_truncation_level": config.truncation,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": config.threads,
        "verbose": -1,
    }
