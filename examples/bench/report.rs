//! What is printed: one line a figure for people, or one JSON object a line for programs.

use crate::measure::Spread;

/// How figures are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Lines,
}

/// Where figures go.
pub(crate) struct Report {
    pub(crate) form: Form,
}

impl Report {
    /// A heading.
    pub(crate) fn begin(&self, words: &str) {
        if self.form == Form::Lines {
            println!("\n== {words}");
        }
    }

    /// An absolute figure, which does not travel between machines.
    pub(crate) fn figure(&self, what: &str, values: &[f64], unit: &str) {
        let Spread { median, min, max } = Spread::of(values);
        match self.form {
            Form::Json => println!(
                "{{\"figure\":\"{what}\",\"unit\":\"{unit}\",\"median\":{median:.4},\"min\":{min:.4},\"max\":{max:.4},\"runs\":{}}}",
                values.len()
            ),
            Form::Lines => {
                println!("{what:<46} {median:>10.3} {unit:<9} ({min:.3} .. {max:.3})");
            }
        }
    }

    /// A ratio of two figures of the same round; `target` names the row of docs/performance.md.
    pub(crate) fn ratio(&self, target: &str, what: &str, ours: &[f64], theirs: &[f64]) {
        let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| a / b).collect();
        let Spread { median, min, max } = Spread::of(&ratios);
        let noisy = Spread::of(theirs).is_noisy();
        match self.form {
            Form::Json => println!(
                "{{\"target\":\"{target}\",\"ratio\":\"{what}\",\"median\":{median:.4},\"min\":{min:.4},\"max\":{max:.4},\"runs\":{},\"noisy\":{noisy}}}",
                ratios.len()
            ),
            Form::Lines => {
                let mark = if noisy { "  noisy" } else { "" };
                println!(
                    "{target:<4} {what:<41} {median:>10.3} ratio     ({min:.3} .. {max:.3}){mark}"
                );
            }
        }
    }

    /// A counter that is compared with a limit as it is.
    pub(crate) fn counter(&self, target: &str, what: &str, values: &[f64]) {
        let Spread { median, min, max } = Spread::of(values);
        match self.form {
            Form::Json => println!(
                "{{\"target\":\"{target}\",\"counter\":\"{what}\",\"median\":{median:.4},\"min\":{min:.4},\"max\":{max:.4},\"runs\":{}}}",
                values.len()
            ),
            Form::Lines => {
                println!("{target:<4} {what:<41} {median:>10.3} counter   ({min:.3} .. {max:.3})");
            }
        }
    }
}
