"""Inputs and results of generated executions: of every JSON shape, from a word to tens of kilobytes."""

from collections.abc import Callable
from random import Random

from execution_monitor.development.synthetic.users import CUSTOMERS

Payload = Callable[[Random], object]

_QUESTIONS = (
    "Where is my order? 📦 It should have arrived on Monday.",
    "Wie kann ich meine Rechnung als PDF herunterladen? Vielen Dank! 🙏",
    "注文番号を変更したいのですが、どうすればいいですか。",
    "Can you compare the Pro and Team plans, and tell me what happens to my data if I downgrade?",
    "Refund please 😡😡😡",
    "¿Aceptan pagos en pesos mexicanos? — María José",
)
_ANSWERS = (
    "Your parcel left Rotterdam this morning and arrives tomorrow before noon. ✅",
    "Gern! Öffnen Sie *Konto → Rechnungen* und wählen Sie **Als PDF speichern**.",
    "I have opened a ticket for our billing team; you will hear from them within one working day.",
)
_PARAGRAPH = (
    "An execution is one run of a workflow. Its steps wait for the steps they depend on — naïvely in order, "
    "cleverly in parallel — and each leaves a line or two in the log. «Ça marche», said the engineer. 🚀 "
)
# One payload in this many is large enough to be noticed.
_LARGE_ONE_IN = 150


def etl_input(random: Random) -> object:
    """Flat parameters."""
    return {"source": "postgres://sales", "partition": f"2025-{random.randrange(1, 13):02d}", "full_refresh": False}


def etl_result(random: Random) -> object:
    """Row counts."""
    rows = random.randrange(10_000, 2_000_000)
    return {"rows_read": rows, "rows_written": rows - random.randrange(50), "tables": ["orders", "order_lines"]}


def images_input(random: Random) -> object:
    """A list at the top."""
    return [f"s3://uploads/{random.getrandbits(32):08x}.jpg" for _ in range(8)]


def images_result(random: Random) -> object:
    """A number at the top."""
    return random.randrange(24, 33)


def profile_input(random: Random) -> object:
    """Nested, with names of every script."""
    return {"customer": {"name": random.choice(CUSTOMERS), "id": random.randrange(10**6)}, "since_days": 90}


def profile_result(random: Random) -> object:
    """Nested scores."""
    return {"segments": {"loyal": random.random(), "at_risk": random.random()}, "merged": random.randrange(1000)}


def ci_input(random: Random) -> object:
    """What a webhook sends."""
    return {"ref": "refs/heads/main", "pull_request": random.randrange(1, 5000), "labels": ["ci", "fast-lane"]}


def ci_result(random: Random) -> object:
    """A report."""
    return {"tests": random.randrange(900, 1100), "coverage": round(random.uniform(0.86, 0.93), 4), "flaky": []}


def ledger_input(random: Random) -> object:
    """A string at the top, as an old scheduler passes it."""
    return f"--book EU{random.randrange(1, 9)} --close"


def ledger_result(random: Random) -> object:
    """Amounts that JSON numbers would round, so they are text."""
    return {"debit": f"{random.randrange(10**12)}.00", "balanced": True}


def question_input(random: Random) -> object:
    """A conversation; sometimes a whole document is pasted into it."""
    messages = [{"role": "user", "content": random.choice(_QUESTIONS)}]
    if random.randrange(_LARGE_ONE_IN) == 0:
        messages.append({"role": "user", "content": _PARAGRAPH * random.randrange(60, 240)})
    return {"model": "large-3", "temperature": 0.2, "messages": messages}


def question_result(random: Random) -> object:
    """An answer in words."""
    return {"answer": random.choice(_ANSWERS), "confidence": round(random.random(), 3), "citations": []}


def corpus_input(random: Random) -> object:
    """Where the documents are; sometimes the documents themselves."""
    documents: dict[str, object] = {"collection": "handbook", "chunk_tokens": 512}
    if random.randrange(_LARGE_ONE_IN) == 0:
        documents["inline"] = [{"title": f"§{n}", "text": _PARAGRAPH * 4} for n in range(random.randrange(10, 50))]
    return documents


def corpus_result(random: Random) -> object:
    """Counts and a list of numbers."""
    return {"chunks": random.randrange(100, 4000), "dimensions": 1024, "recall_at": [0.71, 0.88, 0.94]}


def contract_input(random: Random) -> object:
    """A contract to sign."""
    return {"counterparty": random.choice(CUSTOMERS), "value_eur": random.randrange(1, 200) * 1000, "pages": None}


def contract_result(random: Random) -> object:
    """Who signed."""
    return {"signed": True, "signatures": random.randrange(1, 4)}


def probe_result(_random: Random) -> object:
    """A boolean at the top."""
    return True


def training_input(random: Random) -> object:
    """Hyper-parameters."""
    return {"learning_rate": random.choice((1e-3, 3e-4, 1e-4)), "batch_size": 256, "epochs": 20, "seed": 7}


def training_result(random: Random) -> object:
    """Metrics."""
    return {"auc": round(random.uniform(0.78, 0.86), 4), "model": f"churn:{random.randrange(100, 999)}"}


def rollout_input(random: Random) -> object:
    """A version to roll out."""
    return {"image": f"registry.internal/shop:{random.getrandbits(28):07x}", "canary_percent": 5}


def invoice_input(random: Random) -> object:
    """A scan to read."""
    return {"file": f"scan-{random.randrange(10**5):05d}.pdf", "language": random.choice(("de", "en", "pl"))}


def invoice_result(random: Random) -> object:
    """What was read from it."""
    return {"vendor": random.choice(CUSTOMERS), "total": random.randrange(100, 10**6) / 100, "currency": "EUR"}


def nothing(_random: Random) -> object:
    """No payload at all: the field stays away."""
    return None
