//! Values: encodings, lists, integers, references and order.

mod values {
    mod canonical;
    mod ints;
    mod lists;
    mod nodes;
    mod order;
    mod sample;
    mod text;
}
