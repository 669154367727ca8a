"""ImageNet's dogs: their places among the 1,000 classes."""

import pytest
from conftest import ROOT

from pedigree.features.imagenet import class_index

STANFORD = ROOT.parent / "shared" / "data" / "stanford-breeds.txt"


@pytest.mark.parametrize(
    ("folder", "index"),
    [
        ("n02085620-Chihuahua", 151),
        ("n02088364-beagle", 162),
        ("n02099601-golden_retriever", 207),
        ("n02110341-dalmatian", 251),
        ("n02113978-Mexican_hairless", 268),
        ("n02115641-dingo", 273),
        ("n02116738-African_hunting_dog", 275),
    ],
)
def test_known_breeds_have_imagenets_own_numbers(folder, index):
    assert class_index(folder) == index


@pytest.mark.parametrize("folder", ["Chihuahua", "n02085620", "n99000001-Snow_spitz", "n02114367-timber_wolf", "7", ""])
def test_what_is_none_of_its_dogs_has_no_number(folder):
    assert class_index(folder) is None


@pytest.mark.skipif(not STANFORD.exists(), reason="the list of Stanford Dogs' folders is not on this machine")
def test_stanfords_120_breeds_are_all_there_in_order_and_only_the_dalmatian_besides():
    indices = [class_index(folder) for folder in sorted(STANFORD.read_text().split())]
    assert indices == [*range(151, 251), *range(252, 269), 273, 274, 275]
