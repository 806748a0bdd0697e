//! Password hashing with Argon2id (RFC 9106), on threads of its own behind a bounded queue.

use std::sync::{
    Arc, Mutex, PoisonError,
    mpsc::{Receiver, SyncSender, sync_channel},
};

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version,
    password_hash::phc::PasswordHash,
};
use async_trait::async_trait;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::oneshot;

use crate::{
    domain::{Error, Result, text::Password},
    port::crypto::{Passwords, Verdict},
};

/// Memory in KiB, passes and lanes: the first choice of the OWASP Password Storage Cheat Sheet.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

/// How many hashes may wait. At 16 ms each on one thread the last one is done within the default call timeout.
const QUEUE_MAX: usize = 256;

type Job = Box<dyn FnOnce(&Argon2<'static>) + Send>;

/// What is verified against when there is no account, so that it takes as long: a hash of the current cost that no
/// password has been found for.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyBpdA$\
                     AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A pool of hashing threads.
pub struct Argon2Pool {
    jobs: SyncSender<Job>,
    waiting: Gauge,
}

impl Argon2Pool {
    /// Starts `threads` threads; `waiting` shows how many hashes are asked for and not done.
    ///
    /// # Errors
    /// `Internal` when a thread cannot be started.
    pub fn start(threads: usize, waiting: Gauge) -> Result<Self> {
        let argon2 = argon2()?;
        let (jobs, queue) = sync_channel::<Job>(QUEUE_MAX);
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads.max(1) {
            let (queue, argon2) = (Arc::clone(&queue), argon2.clone());
            std::thread::Builder::new()
                .name("argon2".into())
                .spawn(move || work(&queue, &argon2))
                .map_err(Error::internal)?;
        }
        Ok(Self { jobs, waiting })
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'static>) -> T + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move |argon2: &Argon2<'static>| {
            // Whoever asked may have given up while this waited: then the work is saved.
            if !answer.is_closed() {
                answer.send(work(argon2)).ok();
            }
        });
        self.jobs.try_send(job).map_err(|_| Error::Busy)?;
        self.waiting.inc();
        let result = Waiting(&self.waiting, answered).await;
        result.map_err(Error::internal)
    }
}

/// Counts a hash as waiting until it is answered or given up.
struct Waiting<'a, T>(&'a Gauge, oneshot::Receiver<T>);

impl<T> Future for Waiting<'_, T> {
    type Output = Result<T, oneshot::error::RecvError>;
    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.1).poll(context)
    }
}

impl<T> Drop for Waiting<'_, T> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[async_trait]
impl Passwords for Argon2Pool {
    async fn hash(&self, password: Password) -> Result<String> {
        self.run(move |argon2| argon2.hash_password(password.expose()))
            .await?
            .map(|hash| hash.to_string())
            .map_err(Error::internal)
    }

    async fn verify(&self, password: Password, hash: Option<String>) -> Result<Verdict> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| DECOY.to_owned());
        let verdict = self.run(move |argon2| compare(argon2, &password, &hash)).await??;
        Ok(if known { verdict } else { Verdict::Wrong })
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).map_err(Error::internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn compare(argon2: &Argon2<'_>, password: &Password, hash: &str) -> Result<Verdict> {
    let parsed = PasswordHash::new(hash).map_err(Error::internal)?;
    // The cost is the one in the hash, not the one in use now.
    if argon2.verify_password(password.expose(), &parsed).is_err() {
        return Ok(Verdict::Wrong);
    }
    let current = Params::try_from(&parsed)
        .is_ok_and(|params| (params.m_cost(), params.t_cost(), params.p_cost()) == COST);
    Ok(if current { Verdict::Right } else { Verdict::RightButOutdated })
}

fn work(queue: &Mutex<Receiver<Job>>, argon2: &Argon2<'static>) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(argon2),
            // The pool is gone.
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::attempt(text.to_owned())
    }

    #[test]
    fn authn_05_an_unknown_account_costs_as_much_as_a_known_one() {
        let decoy = Params::try_from(&PasswordHash::new(DECOY).unwrap()).unwrap();
        assert_eq!((decoy.m_cost(), decoy.t_cost(), decoy.p_cost()), COST);
    }

    #[tokio::test]
    async fn authn_03_a_hash_verifies_its_password_only_and_says_when_it_is_outdated() {
        let pool = Argon2Pool::start(1, Gauge::default()).unwrap();
        let hash = pool.hash(password("correct horse battery")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");

        let right = pool.verify(password("correct horse battery"), Some(hash.clone())).await;
        assert_eq!(right.unwrap(), Verdict::Right);
        let wrong = pool.verify(password("correct horse battery "), Some(hash)).await;
        assert_eq!(wrong.unwrap(), Verdict::Wrong);
        let nobody = pool.verify(password("correct horse battery"), None).await;
        assert_eq!(nobody.unwrap(), Verdict::Wrong);

        let cheap =
            Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
        let old = cheap.hash_password(b"correct horse battery").unwrap().to_string();
        let outdated = pool.verify(password("correct horse battery"), Some(old)).await;
        assert_eq!(outdated.unwrap(), Verdict::RightButOutdated);
    }
}
