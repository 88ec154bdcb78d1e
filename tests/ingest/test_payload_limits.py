from execution_monitor.ingest.payload_limits import cut_end, cut_middle, size_of


def test_a_text_within_the_limit_stays_as_it_is():
    assert cut_end("é" * 50, 100) == cut_middle("é" * 50, 100) == "é" * 50


def test_a_cut_says_how_much_it_left_out_and_breaks_no_letter():
    assert cut_end("é" * 1_000, 101) == "é" * 50 + "… [1,900 bytes left out]"
    assert cut_end("abc", 3, missing=7) == "abc… [7 bytes left out]"


def test_a_cut_in_the_middle_keeps_both_ends():
    text = "begin" + "é" * 1_000 + "end!!"
    assert cut_middle(text, 10) == "begin\n… [2,000 bytes left out]\nend!!"


def test_sizes_are_those_of_utf_8():
    assert (size_of("abc"), size_of("é"), size_of("😀")) == (3, 2, 4)
