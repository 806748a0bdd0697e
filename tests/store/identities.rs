//! Identities at providers.

use veza::{
    domain::{Error, Result, id::Id, identity::Identity, text::Email, user::User},
    port::store::Tx,
};

use crate::world::{START, World, id, new_user, seconds};

on_each_store! {
    an_identity_comes_back_as_it_was_stored,
    oauth_01_a_subject_belongs_to_one_account_and_an_account_has_one_of_a_provider,
    the_address_and_the_last_use_change_and_nothing_else,
    an_identity_goes_with_its_account,
    an_account_without_a_password_has_no_hash,
}

fn identity(user_id: Id<User>, provider: &str, subject: &str) -> Identity {
    Identity {
        id: id(),
        provider: provider.into(),
        subject: subject.into(),
        user_id,
        email: Some(Email::trusted("ann@corp.example".into())),
        create_time: START,
        last_use_time: START,
    }
}

async fn keep(world: &World, identity: &Identity) -> Result<()> {
    let mut tx = world.begin().await;
    tx.insert_identity(identity).await?;
    tx.commit().await
}

async fn an_identity_comes_back_as_it_was_stored(world: &World) {
    let ann = world.user("ann").await;
    let corp = identity(ann.id, "corp", "Subject 'one'");
    let github = Identity { email: None, ..identity(ann.id, "github", "42") };
    keep(world, &corp).await.unwrap();
    keep(world, &github).await.unwrap();
    let mut read = world.read().await;
    let found = read.find_identity("corp", "Subject 'one'").await.unwrap();
    assert_eq!(found.as_ref(), Some(&corp));
    for (provider, subject) in [("corp", "subject 'one'"), ("github", "Subject 'one'"), ("", "")] {
        assert_eq!(read.find_identity(provider, subject).await.unwrap(), None);
    }
    assert_eq!(read.list_identities(ann.id).await.unwrap(), [corp, github]);
    assert_eq!(read.list_identities(id()).await.unwrap(), []);
}

async fn oauth_01_a_subject_belongs_to_one_account_and_an_account_has_one_of_a_provider(
    world: &World,
) {
    let [ann, bob] = [world.user("ann").await, world.user("bob").await];
    keep(world, &identity(ann.id, "corp", "one")).await.unwrap();
    let mut tx = world.begin().await;
    let taken = |inserted| match inserted {
        Err(Error::Taken { field }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(taken(tx.insert_identity(&identity(bob.id, "corp", "one")).await), "identity");
    assert_eq!(taken(tx.insert_identity(&identity(ann.id, "corp", "two")).await), "provider");
    // The transaction goes on, also after that.
    tx.insert_identity(&identity(bob.id, "corp", "two")).await.unwrap();
    tx.commit().await.unwrap();
    let nobody = keep(world, &identity(bob.id, "github", "")).await;
    assert!(matches!(nobody, Err(Error::Internal(_))), "{nobody:?}");
}

async fn the_address_and_the_last_use_change_and_nothing_else(world: &World) {
    let ann = world.user("ann").await;
    let before = identity(ann.id, "corp", "one");
    keep(world, &before).await.unwrap();
    let after = Identity { email: None, last_use_time: seconds(60), ..before };
    let mut tx = world.begin().await;
    tx.update_identity(&Identity { subject: "two".into(), ..after.clone() }).await.unwrap();
    tx.commit().await.unwrap();
    let found = world.read().await.find_identity("corp", "one").await.unwrap();
    assert_eq!(found, Some(after.clone()));
    let mut tx = world.begin().await;
    assert!(tx.delete_identity(after.id).await.unwrap());
    assert!(!tx.delete_identity(after.id).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(world.read().await.list_identities(ann.id).await.unwrap(), []);
}

async fn an_identity_goes_with_its_account(world: &World) {
    let mut ann = new_user("ann");
    ann.meta.purge_time = Some(seconds(1));
    world.insert_user(&ann).await.unwrap();
    keep(world, &identity(ann.id, "corp", "one")).await.unwrap();
    let mut tx: Box<dyn Tx> = world.begin().await;
    tx.purge(seconds(2), START, START).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.read().await.find_identity("corp", "one").await.unwrap(), None);
}

async fn an_account_without_a_password_has_no_hash(world: &World) {
    let ann = new_user("ann");
    let mut tx = world.begin().await;
    tx.insert_user(&ann, "").await.unwrap();
    tx.commit().await.unwrap();
    let mut read = world.read().await;
    assert_eq!(read.find_user_to_sign_in("ann").await.unwrap(), Some((ann.clone(), None)));
    assert_eq!(read.find_password_hash(ann.id).await.unwrap(), None);
}
