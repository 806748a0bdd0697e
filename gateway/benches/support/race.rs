//! A race of several ways to the same end. They take turns in short heats, so that whatever else
//! the machine does slows all of them alike, and a ratio is that of two heats beside each other.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// How often each takes its turn.
const HEATS: usize = 1001;
/// How long a turn is at most, unless one run is longer: much shorter than the time for which a busy
/// machine lets another process run in between, so that few turns are interrupted.
const TURN: Duration = Duration::from_micros(200);

/// A race, to which ways are added and which is then run.
pub struct Race<'a> {
    title: &'a str,
    ways: Vec<Way<'a>>,
    differences: Vec<(&'a str, usize, usize)>,
}

struct Way<'a> {
    name: &'a str,
    run: Box<dyn FnMut() + 'a>,
}

impl<'a> Race<'a> {
    pub fn new(title: &'a str) -> Self {
        Self { title, ways: Vec::new(), differences: Vec::new() }
    }

    /// Adds a way; the first one is what the others are compared with.
    pub fn way<T>(mut self, name: &'a str, mut run: impl FnMut() -> T + 'a) -> Self {
        self.ways.push(Way { name, run: Box::new(move || drop(black_box(run()))) });
        self
    }

    /// Adds a line for how much longer one way takes than another, by their places.
    pub fn difference(mut self, name: &'a str, longer: usize, shorter: usize) -> Self {
        self.differences.push((name, longer, shorter));
        self
    }

    /// Runs the race and prints for each way its median time, and the quartiles of its ratio to the
    /// first way.
    #[expect(clippy::print_stdout, reason = "a benchmark reports to who runs it")]
    pub fn run(mut self) {
        let counts: Vec<_> = self.ways.iter_mut().map(runs_of_turn).collect();
        let mut microseconds = vec![Vec::with_capacity(HEATS); counts.len()];
        for heat in 0..HEATS {
            for turn in 0..counts.len() {
                // Nobody is always the first.
                let place = (heat + turn) % counts.len();
                let began = Instant::now();
                for _ in 0..counts[place] {
                    (self.ways[place].run)();
                }
                let seconds = began.elapsed().as_secs_f64() / f64::from(counts[place]);
                microseconds[place].push(seconds * 1e6);
            }
        }
        let mut names: Vec<_> = self.ways.iter().map(|way| way.name).collect();
        for (name, longer, shorter) in self.differences {
            let pairs = microseconds[longer].iter().zip(&microseconds[shorter]);
            microseconds.push(pairs.map(|(longer, shorter)| longer - shorter).collect());
            names.push(name);
        }
        println!("\n{:<52}{:>12}{:>10}{:>16}", self.title, "median", "ratio", "quartiles");
        for (name, times) in names.iter().zip(&microseconds) {
            let ratios = times.iter().zip(&microseconds[0]).map(|(time, first)| time / first);
            let [low, ratio, high] = quartiles(ratios);
            let [_, median, _] = quartiles(times.iter().copied());
            println!("  {name:<50}{median:>9.3} us{ratio:>10.2}{low:>9.2}–{high:.2}");
        }
    }
}

/// How many runs fill a turn, or half of one at least.
fn runs_of_turn(way: &mut Way<'_>) -> u32 {
    let mut count = 1;
    loop {
        let began = Instant::now();
        (0..count).for_each(|_| (way.run)());
        if began.elapsed() >= TURN / 2 {
            return count;
        }
        count *= 2;
    }
}

fn quartiles(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[values.len() * quarter / 4])
}
