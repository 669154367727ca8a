"""Dogs as text: what they mean, and that every mistake is one line."""

import numpy as np
import pytest
from generator.test_walks import BREEDS, LATENT, built
from hypothesis import example, given
from hypothesis import strategies as st

from pedigree.drawing.dogs import DEEPEST, LONGEST, latent_of, latents_of, parse, parse_latent, shares_of
from pedigree.drawing.request import LARGEST_SEED
from pedigree.errors import UsageError
from pedigree.generator.mixing import Mixer
from pedigree.generator.model import Generator

RED, BLUE, _ = BREEDS


@pytest.fixture(scope="module")
def generator() -> Generator:
    return built("projection-dcgan")


def numbers(generator: Generator, text: str, truncation: float | None = None) -> np.ndarray:
    return latent_of(generator, parse_latent(text), truncation)


def test_a_seed_is_the_first_latent_of_that_seed(generator: Generator) -> None:
    np.testing.assert_array_equal(numbers(generator, "7"), generator.latents(1, 7)[0])


def test_truncated_dogs_of_different_seeds_vary_less_and_stay_as_long(generator: Generator) -> None:
    free, truncated = (np.array([numbers(generator, str(seed), at) for seed in range(200)]) for at in (None, 0.5))
    assert truncated.std(axis=0).mean() < 0.4 * free.std(axis=0).mean()
    assert np.square(truncated).mean() == pytest.approx(np.square(free).mean(), rel=0.1)


def test_between_ends_at_both_dogs_and_its_middle_is_nearer_to_each_than_they_are(generator: Generator) -> None:
    one, other = numbers(generator, "1"), numbers(generator, "2")
    np.testing.assert_allclose(numbers(generator, "between(1,2,0)"), one, atol=1e-6)
    np.testing.assert_allclose(numbers(generator, "between(1,2,1)"), other, atol=1e-6)
    middle = numbers(generator, "between(1,2,0.5)")
    apart = np.linalg.norm(one - other)
    assert max(np.linalg.norm(middle - one), np.linalg.norm(middle - other)) < apart


def test_a_cross_takes_each_number_from_one_parent_and_half_from_each(generator: Generator) -> None:
    one, other, crossed = (numbers(generator, text) for text in ("1", "2", "cross(1,2,5)"))
    of_first, of_other = crossed == one, crossed == other
    assert (of_first ^ of_other).all()
    assert 0 < of_first.sum() < LATENT
    assert any((numbers(generator, f"cross(1,2,{seed})") != crossed).any() for seed in range(6, 12))


def test_a_small_step_makes_a_child_that_is_nearer_to_its_parent_than_another_dog(generator: Generator) -> None:
    parent, child, stranger = (numbers(generator, text) for text in ("1", "child(1,4,0.2)", "2"))
    assert 0 < np.linalg.norm(child - parent) < 0.5 * np.linalg.norm(stranger - parent)
    np.testing.assert_allclose(numbers(generator, "child(1,4,0)"), parent, atol=1e-6)


def test_a_single_breed_in_a_mixture_draws_what_the_generator_draws(generator: Generator) -> None:
    dogs = [parse(f"{breed}~{seed}", BREEDS) for breed in (RED, BLUE) for seed in (1, 2)]
    latents = latents_of(generator, dogs)
    mixed = Mixer(generator).draw(latents, shares_of(generator, dogs))
    np.testing.assert_array_equal(mixed, generator.draw_latents(latents, np.array([0, 0, 1, 1], np.int32)))


def test_a_mixture_lies_between_its_breeds(generator: Generator) -> None:
    dogs = [parse(f"{text}~1", BREEDS) for text in (RED, f"{RED}:3,{BLUE}:1", BLUE)]
    red, mixed, blue = Mixer(generator).draw(latents_of(generator, dogs), shares_of(generator, dogs)).astype(float)
    assert np.abs(mixed - red).mean() < np.abs(blue - red).mean()
    assert (mixed != red).any()


def test_more_pictures_than_fit_at_once_are_all_drawn(generator: Generator) -> None:
    dogs = [parse(f"{RED}:1,{BLUE}:1~{seed}", BREEDS) for seed in range(70)]
    drawn = Mixer(generator).draw(latents_of(generator, dogs), shares_of(generator, dogs))
    alone = Mixer(generator).draw(latents_of(generator, dogs[69:]), shares_of(generator, dogs[69:]))
    np.testing.assert_array_equal(drawn[69:], alone)


latents = st.recursive(
    st.integers(0, LARGEST_SEED).map(str),
    lambda inside: st.one_of(
        st.tuples(inside, inside, st.floats(0, 1)).map(lambda parts: f"between({parts[0]},{parts[1]},{parts[2]:.6g})"),
        st.tuples(inside, inside, st.integers(0, 99)).map(lambda parts: f"cross({parts[0]},{parts[1]},{parts[2]})"),
        st.tuples(inside, st.integers(0, 99), st.floats(0, 1)).map(
            lambda parts: f"child({parts[0]},{parts[1]},{parts[2]:.6g})"
        ),
    ),
    max_leaves=6,
)


@given(latents, st.one_of(st.none(), st.floats(0.1, 3)))
def test_the_text_of_a_dog_is_read_as_the_same_dog(latent: str, truncation: float | None) -> None:
    dog = parse(f"{RED}~{latent}" + ("" if truncation is None else f"~{truncation}"), BREEDS)
    assert parse(str(dog), BREEDS) == dog


def test_names_with_any_letters_survive() -> None:
    folders = ("Mr. ~x~, 1:2 (é犬)", "b")
    dog = parse("b:1,Mr.%20%7Ex%7E%2C%201%3A2%20%28%C3%A9%E7%8A%AC%29:1~3", folders)
    assert dog.breeds == (("b", 1.0), (folders[0], 1.0))
    assert parse(str(dog), folders) == dog


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=4).filter(any))
@example([1.0, 2.0])  # thirds have no six digits
@example([1e-320, 1e6])
def test_the_text_of_a_mixture_has_exactly_its_shares(weights: list[float]) -> None:
    folders = ("a", "b", "c", "d")[: len(weights)]
    text = ",".join(f"{folder}:{weight}" for folder, weight in zip(folders, weights, strict=True))
    dog = parse(f"{text}~1", folders)
    assert parse(str(dog), folders) == dog


def test_a_dog_whose_full_names_are_too_long_to_be_read_again_is_refused() -> None:
    folder = f"n00000001-{'é' * (LONGEST // 6)}"
    with pytest.raises(UsageError, match="With the names of its folders: 2010"):
        parse(f"{folder}~1", (folder,))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a dog as BREED~SEED"),
        (RED, "expected a dog as BREED~SEED"),
        (f"{RED}~1~2~3", "expected a dog as BREED~SEED"),
        ("poodle~1", "There is no breed 'poodle'"),
        (f"{RED}~-1", "expected a seed"),
        (f"{RED}~1.5", "expected a seed"),
        (f"{RED}~{LARGEST_SEED + 1}", "a seed is a whole number from 0"),
        (f"{RED}~{'9' * 100}", "a seed is a whole number from 0"),
        (f"{RED}~\N{SUPERSCRIPT TWO}", "expected a seed"),
        (f"{RED}~between(1,2)", "expected a seed"),
        (f"{RED}~between(1,2,1.5)", "a share is a number from 0 to 1"),
        (f"{RED}~between(1,2,0.5", "expected a seed"),
        (f"{RED}~between(1,2,0.5))", "expected a seed"),
        (f"{RED}~cross(1,2,0.5)", "a seed is a whole number"),
        (f"{RED}~child(1,2,nan)", "a share is a number"),
        (f"{RED}~1~0", "a truncation must be above 0"),
        (f"{RED}~1~nan", "a truncation is a number"),
        (f"{RED}~1~inf", "a truncation is a number"),
        (f"{RED}:1~1", "a single breed has none"),
        (f"{RED},{BLUE}~1", "a weight for each breed"),
        (f"{RED}:1,{RED}:1~1", "one is named twice"),
        (f"{RED}:0,{BLUE}:0~1", "a weight above 0"),
        (f"{RED}:-1,{BLUE}:2~1", "a weight is a number"),
        (f"{RED}:1,{BLUE}:1,a:1,b:1,c:1~1", "at most 4 breeds"),
        (f"{RED}~{'child(' * 20}1{',1,0.5)' * 20}", f"at most {DEEPEST} deep"),
        (f"{RED}~{'1' * 3000}", "at most 2000 characters"),
    ],
)
def test_what_is_no_dog_is_one_clear_error(text: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse(text, BREEDS)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
