//! Doing an [`Action`] to a running tenant.

use uuid::Uuid;

use crate::{
    action::{Action, ActionError},
    graph::Bucket,
    identity::{RefreshState, Standing},
    model::{Other, Truth},
    world::World,
};

impl World {
    /// Does it. Answers the id of the object or account concerned, when there is one.
    pub(crate) fn apply(&mut self, action: Action) -> Result<Option<Uuid>, ActionError> {
        match action {
            Action::RejectFreshTokens { tokens } => self.tokens_to_reject = tokens,
            Action::WriteExpiresIn { form } => self.expires_in_form = form,
            Action::AnswerConsent { answer } => self.consent_answer = answer,
            Action::RegisterRedirectUri { uri } => self.registration.redirect_uris.push(uri),
            Action::SetSecretStanding { standing } => self.secret_standing = standing,
            Action::SetSignIn { sign_in, once: true } => self.next_sign_ins.push_back(sign_in),
            Action::SetSignIn { sign_in, once: false } => {
                self.next_sign_ins.clear();
                self.sign_in = sign_in;
            }
            Action::TamperIdTokens { tampering } => self.tampering = tampering,
            Action::RotateKeys => self.keys.rotate(),
            Action::WithholdScopes { scopes } => self.withheld_scopes = scopes,
            Action::ConsentScopes { scopes } => self.consented_scopes = scopes,
            Action::ResetDelta { answer } => {
                self.delta_epoch = self.fresh_number();
                self.delta_reset = answer;
            }
            Action::SetPaging { paging } => self.paging = paging,
            Action::SetIndexLag { changes } => self.quirks.index_lag = changes,
            Action::SetThrottle { throttle } => self.bucket = Bucket::new(throttle, self.clock.now()),
            Action::WithdrawConsent { administrator: None } => self.consented = false,
            Action::ExpireAccessTokens { administrator } => self.grants.end_access(administrator, self.clock.now()),
            action => return self.apply_to_account(action),
        }
        Ok(None)
    }

    fn apply_to_account(&mut self, action: Action) -> Result<Option<Uuid>, ActionError> {
        let concerned = match action {
            Action::Appoint { user, roles } => {
                self.known_user(user)?;
                match self.tenant.appointments.iter_mut().find(|(holder, _)| *holder == user) {
                    Some((_, held)) => *held = roles,
                    None => self.tenant.appointments.push((user, roles)),
                }
                user
            }
            Action::AssignAppRoles { user, roles } => {
                self.known_user(user)?;
                self.tenant.app_roles.insert(user, roles);
                user
            }
            Action::Refuse { administrator, refusal } => {
                self.standing_of(administrator)?.refusal = Some(refusal);
                administrator
            }
            Action::Accept { administrator } => {
                self.standing_of(administrator)?.refusal = None;
                administrator
            }
            Action::AllowReading { administrator, allowed } => {
                self.standing_of(administrator)?.may_read = allowed;
                administrator
            }
            Action::WithdrawConsent { administrator: Some(administrator) } => {
                self.standing_of(administrator)?.consent_withdrawn = true;
                administrator
            }
            Action::RevokeSessions { administrator } => {
                self.known_user(administrator)?;
                self.grants.end_refresh(administrator, RefreshState::Revoked);
                administrator
            }
            Action::ExpireRefreshTokens { administrator } => {
                self.known_user(administrator)?;
                self.grants.end_refresh(administrator, RefreshState::Inactive);
                administrator
            }
            action => return self.apply_to_directory(action),
        };
        Ok(Some(concerned))
    }

    fn apply_to_directory(&mut self, action: Action) -> Result<Option<Uuid>, ActionError> {
        let now = self.clock.now();
        let quirks = self.quirks;
        let fresh = self.fresh_id();
        let tenant = &mut self.tenant;
        let (concerned, done) = match action {
            Action::CreateUser(new) => {
                let id = new.id.unwrap_or(fresh);
                (id, tenant.create_user(id, &new, now))
            }
            Action::CreateGroup(new) => {
                let id = new.id.unwrap_or(fresh);
                (id, tenant.create_group(id, &new, now))
            }
            Action::CreateOther { id, kind, display_name } => {
                let id = id.unwrap_or(fresh);
                (id, tenant.create_other(id, Other { kind, display_name }))
            }
            Action::DisableUser { user } => (user, tenant.set(user, "accountEnabled", false.into())),
            Action::EnableUser { user } => (user, tenant.set(user, "accountEnabled", true.into())),
            Action::Rename { id, display_name } => (id, tenant.set(id, "displayName", display_name.into())),
            Action::SetMail { id, mail } => (id, tenant.set(id, "mail", mail.into())),
            Action::SetProperty { id, property, value } => (id, tenant.set(id, &property, value)),
            Action::Delete { id } => (id, tenant.delete(id)),
            Action::Restore { id } => (id, tenant.restore(id, quirks.restored_members_return_silently)),
            Action::Purge { id } => (id, tenant.purge(id, quirks.purged_members_leave_silently)),
            Action::AddMember { group, member } => (group, tenant.add_member(group, member)),
            Action::RemoveMember { group, member } => {
                (group, tenant.remove_member(group, member, quirks.restored_members_return_silently))
            }
            // What concerns accounts and the platform has been done by the callers.
            _ => return Ok(None),
        };
        done.map(|()| Some(concerned))
    }

    /// The state in plain words.
    pub(crate) fn truth(&self) -> Truth {
        Truth { hidden_members_consented: self.consented_scopes.contains("Member.Read.Hidden"), ..self.tenant.truth() }
    }

    fn known_user(&self, user: Uuid) -> Result<(), ActionError> {
        self.tenant.users.get(user).map(|_| ()).ok_or(ActionError::Unknown(user))
    }

    fn standing_of(&mut self, user: Uuid) -> Result<&mut Standing, ActionError> {
        self.known_user(user)?;
        Ok(self.standings.entry(user).or_default())
    }
}
